"""Replicated counter: replicas that die lose nothing that was acknowledged, as long as another one holds it."""
