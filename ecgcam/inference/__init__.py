"""A model file to an answer: card, engines, Classifier, shipped models."""
