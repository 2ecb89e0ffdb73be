"""What a network answers: attributes of a pedestrian in groups, and their phrases with vectors."""

from snnpar.schema.attributes import SCHEMAS, AttributeGroup, AttributeSchema, load_schema

__all__ = ["SCHEMAS", "AttributeGroup", "AttributeSchema", "load_schema"]
