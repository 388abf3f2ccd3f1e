"""The table of a customer-service desk: database -> csv -> prompts and responses."""
