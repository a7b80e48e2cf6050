"""What a finished reconstruction shows people: one HTML page with pictures, numbers and what to do next."""
