"""The words of the command line, a file each: parse, call, print. Rooms are imported when a command runs."""
