"""Questions and answers of a customer-service desk: database or table -> rows -> sessions."""
