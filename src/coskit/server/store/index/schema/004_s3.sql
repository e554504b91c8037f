-- What is said of bodies and kept from deletion, as text that the store keeps without reading it.
ALTER TABLE head ADD COLUMN checksums TEXT;
ALTER TABLE head ADD COLUMN lock TEXT;
ALTER TABLE version ADD COLUMN checksums TEXT;
ALTER TABLE version ADD COLUMN lock TEXT;
ALTER TABLE upload ADD COLUMN checksums TEXT;
ALTER TABLE upload ADD COLUMN lock TEXT;
ALTER TABLE part ADD COLUMN checksums TEXT;

-- The parts that an object was completed from; see layout.py.
ALTER TABLE head ADD COLUMN layout TEXT;
ALTER TABLE version ADD COLUMN layout TEXT;
