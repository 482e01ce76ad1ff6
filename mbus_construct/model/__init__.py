"""What a telegram says, as frozen values; their JSON, both ways, and its schema."""
