"""Light meshes with a texture: unwrapped into charts, painted from views, and guessed where no view sees them."""
