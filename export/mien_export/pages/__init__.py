"""What people read: tables, pictures and model cards, written from `docs/results` alone. Nothing is measured here."""
