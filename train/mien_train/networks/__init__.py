"""The networks as they are trained, and the registry that builds them by name. No data and no loss comes here."""
