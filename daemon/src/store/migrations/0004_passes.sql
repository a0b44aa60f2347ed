-- Passes: what lets a device into a conference's room by WHIP or WHEP. Of the token only the hash is kept.
CREATE TABLE passes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    conference INTEGER NOT NULL REFERENCES conferences (id) ON DELETE CASCADE,
    site       TEXT NOT NULL,
    direction  TEXT NOT NULL CHECK (direction IN ('send', 'receive')),
    name       TEXT NOT NULL,
    hash       BLOB NOT NULL UNIQUE,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT;

CREATE INDEX passes_conference ON passes (conference);
