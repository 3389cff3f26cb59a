"""Pure functions over text: encoding, language, normal form, similarity, personal data; nothing here reads a store."""
