"""genlab on a Hugging Face Space: which files go there, whether they will do, and how they get there."""
