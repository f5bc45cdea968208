"""What leaves the daemon: MQTT."""
