"""The placement driver: it hears from all stores, and decides where replicas and leaders of ranges should be."""
