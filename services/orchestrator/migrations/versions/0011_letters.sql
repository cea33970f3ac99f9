-- Why an operator replayed or discarded it; the log of acts has the SHA-256 of it.
ALTER TABLE dead_letter ADD COLUMN reason text;
