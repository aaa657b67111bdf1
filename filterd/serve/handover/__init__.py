"""The hand-over of the sockets from one resolver process to the next, over a Unix socket in ``state_dir``."""
