"""The API without HTTP: what each verb does to the store."""
