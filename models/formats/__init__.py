"""File formats that weights come in, read with numpy alone and without trust."""
