-- How a body lies encrypted and which key opens it; NULL where it lies as it came.
ALTER TABLE head ADD COLUMN sealing TEXT;
ALTER TABLE version ADD COLUMN sealing TEXT;
ALTER TABLE upload ADD COLUMN sealing TEXT;
