-- The metered end of a line has a number: its two names would be most of the samples' table.
CREATE TABLE metered_lines (
    id        INTEGER PRIMARY KEY,
    device    TEXT NOT NULL,
    interface TEXT NOT NULL,
    UNIQUE (device, interface)
) STRICT;

-- Mean rates over one slot; the slot is its start in Unix seconds.
CREATE TABLE line_samples (
    line    INTEGER NOT NULL REFERENCES metered_lines (id) ON DELETE CASCADE,
    slot    INTEGER NOT NULL,
    in_bps  INTEGER,
    out_bps INTEGER,
    PRIMARY KEY (line, slot)
) STRICT, WITHOUT ROWID;

-- How devices, links and sites stood, as intervals. Where there is none, nobody looked.
CREATE TABLE stays (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL CHECK (kind IN ('device', 'link', 'site')),
    subject  TEXT NOT NULL,
    from_at  INTEGER NOT NULL,
    to_at    INTEGER,
    standing TEXT NOT NULL CHECK (standing IN ('up', 'down', 'behind', 'unknown')),
    planned  INTEGER NOT NULL,
    reason   TEXT
) STRICT;
CREATE INDEX stays_subject ON stays (kind, subject, from_at);
CREATE INDEX stays_open ON stays (kind, subject) WHERE to_at IS NULL;

-- When the daemon last looked: an open interval of a killed daemon ends there.
CREATE TABLE looked (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at INTEGER NOT NULL
) STRICT;

CREATE TABLE maintenance (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    title      TEXT NOT NULL,
    note       TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    starts_at  INTEGER NOT NULL,
    ends_at    INTEGER NOT NULL,
    recurrence TEXT,
    created_by TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ended_at   INTEGER,
    ended_by   TEXT
) STRICT;

-- Occurrences of a repeating window that were ended early, by their start.
CREATE TABLE maintenance_ended (
    maintenance INTEGER NOT NULL REFERENCES maintenance (id) ON DELETE CASCADE,
    starts_at   INTEGER NOT NULL,
    ended_at    INTEGER NOT NULL,
    PRIMARY KEY (maintenance, starts_at)
) STRICT, WITHOUT ROWID;

ALTER TABLE incidents ADD COLUMN acknowledged_at INTEGER;
