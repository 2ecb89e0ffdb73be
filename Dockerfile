# The app in public mode, as a Hugging Face Space (the top of README.md says so to it) or anywhere else:
#     docker build -t snnpar . && docker run -p 7860:7860 snnpar
FROM python:3.11-slim

# Address of one more index of wheels, such as one with CPU builds of torch, which save gigabytes. None by default; a
# Space hands its variables over as build arguments.
ARG WHEEL_INDEX

RUN useradd --create-home --uid 1000 user
WORKDIR /home/user/app
COPY requirements.txt .
RUN pip install --no-cache-dir ${WHEEL_INDEX:+--extra-index-url "$WHEEL_INDEX"} -r requirements.txt

# The user below owns none of this but the folders of what visitors pull from the Hub and what people who signed in make.
COPY app.py LICENSE README.md ./
COPY .streamlit/config.toml .streamlit/config.toml
COPY assets assets
COPY snnpar snnpar
COPY pages pages
COPY train train
COPY checkpoints checkpoints
RUN for folder in hub hub-data runs evaluations slices; do install -d -o user checkpoints/$folder; done

USER user
ENV HOME=/home/user PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 SNNPAR_PUBLIC=1
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:7860/_stcore/health', timeout=5)"]
# A Space shows the app in a frame of another site, where the token against forged requests needs SameSite=None; without
# it uploads there answer 403. Browsers take such a cookie over https and from localhost only.
CMD ["streamlit", "run", "app.py", "--server.port=7860", "--server.address=0.0.0.0", "--server.headless=true", "--server.xsrfCookieSameSite=none"]
