"""Arguments and options that commands share: clients, locations, filters, sizes."""
