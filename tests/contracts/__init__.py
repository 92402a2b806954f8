"""The wire: examples, schemas, subscribers, speakers and generated files agree with the story."""
