"""The skill server of a Kakao channel's chatbot: POST /kakao/skill."""
