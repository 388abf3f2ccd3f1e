"""The messenger page: served by `chatbot serve`, or one HTML file with the model inside."""
