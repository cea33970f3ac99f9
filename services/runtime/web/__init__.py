"""What the HTTP faces of the three services share."""
