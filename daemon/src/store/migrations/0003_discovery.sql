-- What scans found, and the devices that people accepted from it.
CREATE TABLE discovered (
    address     TEXT PRIMARY KEY,
    finding     TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    ignored     TEXT,
    first_seen  INTEGER NOT NULL,
    last_seen   INTEGER NOT NULL,
    failures    INTEGER NOT NULL,
    rests_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE accepted_devices (
    id           TEXT PRIMARY KEY,
    name         TEXT NOT NULL,
    address      TEXT NOT NULL UNIQUE,
    credential   TEXT NOT NULL,
    site         TEXT,
    poll_seconds INTEGER,
    profile      TEXT,
    accepted_at  INTEGER NOT NULL,
    accepted_by  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX device_history_at ON device_history (at);
