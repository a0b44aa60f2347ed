-- Times are milliseconds since the Unix epoch, UTC. JSON columns hold what only the application reads.
CREATE TABLE accounts (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    username      TEXT NOT NULL UNIQUE COLLATE NOCASE,
    display_name  TEXT NOT NULL,
    role          TEXT NOT NULL CHECK (role IN ('viewer', 'host', 'operator', 'admin')),
    password_hash TEXT NOT NULL,
    disabled      INTEGER NOT NULL DEFAULT 0,
    created_at    INTEGER NOT NULL,
    last_seen_at  INTEGER
) STRICT;

-- Only a hash of the cookie: whoever reads the database cannot sign in with it.
CREATE TABLE sessions (
    hash            BLOB PRIMARY KEY CHECK (length(hash) = 32),
    account         INTEGER NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
    created_at      INTEGER NOT NULL,
    idle_until      INTEGER NOT NULL,
    absolute_until  INTEGER NOT NULL,
    address         TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_account ON sessions (account);

-- Set once, by the first account; a later emptying of `accounts` by hand does not open the door again.
CREATE TABLE setup (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    done_at INTEGER NOT NULL
) STRICT;

-- A deleted site stays as a tombstone, so that the configuration does not seed it again.
CREATE TABLE sites (
    id               TEXT PRIMARY KEY,
    name             TEXT NOT NULL,
    kind             TEXT NOT NULL,
    parent           TEXT REFERENCES sites (id),
    agency_code      TEXT,
    uplink_device    TEXT,
    uplink_interface TEXT,
    capacity_bps     INTEGER,
    phone            TEXT,
    deleted_at       INTEGER,
    CHECK ((uplink_device IS NULL) = (uplink_interface IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX sites_parent ON sites (parent);

CREATE TABLE conferences (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    room        TEXT NOT NULL UNIQUE,
    title       TEXT NOT NULL,
    description TEXT NOT NULL,
    starts_at   INTEGER NOT NULL,
    ends_at     INTEGER NOT NULL,
    chair_site  TEXT NOT NULL,
    recurrence  TEXT,
    sequence    INTEGER NOT NULL DEFAULT 0,
    cancelled   INTEGER NOT NULL DEFAULT 0,
    created_by  TEXT NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX conferences_starts ON conferences (starts_at);

CREATE TABLE conference_sites (
    conference INTEGER NOT NULL REFERENCES conferences (id) ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    site       TEXT NOT NULL,
    PRIMARY KEY (conference, position)
) STRICT, WITHOUT ROWID;

-- Occurrences that the chair ended, by their start.
CREATE TABLE conference_ended (
    conference INTEGER NOT NULL REFERENCES conferences (id) ON DELETE CASCADE,
    starts_at  INTEGER NOT NULL,
    PRIMARY KEY (conference, starts_at)
) STRICT, WITHOUT ROWID;

CREATE TABLE invitations (
    id         INTEGER PRIMARY KEY,
    conference INTEGER NOT NULL REFERENCES conferences (id) ON DELETE CASCADE,
    site       TEXT NOT NULL,
    role       TEXT NOT NULL,
    token      TEXT NOT NULL UNIQUE,
    UNIQUE (conference, site, role)
) STRICT;

CREATE TABLE attendance (
    conference INTEGER NOT NULL REFERENCES conferences (id) ON DELETE CASCADE,
    occurrence INTEGER NOT NULL,
    interval   INTEGER NOT NULL,
    seat       INTEGER NOT NULL,
    site       TEXT NOT NULL,
    site_name  TEXT NOT NULL,
    participant TEXT NOT NULL,
    role       TEXT NOT NULL,
    joined_at  INTEGER NOT NULL,
    left_at    INTEGER,
    reason     TEXT,
    PRIMARY KEY (conference, occurrence, interval)
) STRICT, WITHOUT ROWID;

CREATE TABLE recordings (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    conference INTEGER NOT NULL,
    title      TEXT NOT NULL,
    file       TEXT NOT NULL UNIQUE,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,
    bytes      INTEGER NOT NULL DEFAULT 0,
    state      TEXT NOT NULL CHECK (state IN ('recording', 'done', 'failed')),
    reason     TEXT
) STRICT;
CREATE INDEX recordings_conference ON recordings (conference);

CREATE TABLE devices (
    device     TEXT PRIMARY KEY,
    facts      TEXT NOT NULL,
    seen_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device_history (
    id     INTEGER PRIMARY KEY,
    device TEXT NOT NULL,
    at     INTEGER NOT NULL,
    what   TEXT NOT NULL,
    old    TEXT,
    new    TEXT
) STRICT;
CREATE INDEX device_history_device ON device_history (device, id);

CREATE TABLE events (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    at           INTEGER NOT NULL,
    kind         TEXT NOT NULL,
    health       TEXT NOT NULL,
    device       TEXT,
    device_name  TEXT,
    interface    TEXT,
    site         TEXT,
    reason       TEXT NOT NULL,
    held_back_by TEXT
) STRICT;
CREATE INDEX events_device ON events (device, id);
CREATE INDEX events_at ON events (at);

CREATE TABLE incidents (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    opened_at       INTEGER NOT NULL,
    closed_at       INTEGER,
    health          TEXT NOT NULL,
    reason          TEXT NOT NULL,
    device          TEXT,
    device_name     TEXT,
    interface       TEXT,
    sites           TEXT NOT NULL,
    behind          TEXT NOT NULL,
    acknowledged_by TEXT,
    note            TEXT,
    run_ids         TEXT NOT NULL
) STRICT;
CREATE INDEX incidents_open ON incidents (id) WHERE closed_at IS NULL;

CREATE TABLE traps (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    at            INTEGER NOT NULL,
    source        TEXT NOT NULL,
    device        TEXT,
    inform_id     TEXT UNIQUE,
    authenticated INTEGER NOT NULL,
    name          TEXT NOT NULL,
    varbinds      TEXT NOT NULL
) STRICT;
CREATE INDEX traps_device ON traps (device, id);

CREATE TABLE intent_log (
    id    INTEGER PRIMARY KEY AUTOINCREMENT,
    run   INTEGER NOT NULL,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX intent_log_run ON intent_log (run);

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    started_at INTEGER NOT NULL,
    finished   INTEGER NOT NULL,
    view       TEXT NOT NULL
) STRICT;

CREATE TABLE room_snapshots (
    room     TEXT PRIMARY KEY,
    at       INTEGER NOT NULL,
    snapshot TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    at      INTEGER NOT NULL,
    actor   TEXT NOT NULL,
    address TEXT NOT NULL,
    action  TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail  TEXT NOT NULL
) STRICT;
CREATE INDEX audit_at ON audit (at);
