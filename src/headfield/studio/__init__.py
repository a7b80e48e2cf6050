"""Synthetic subjects: shape, hair, clothes, skin, light, virtual cameras and scanner."""
