/**
 * What the pages ask the daemon over HTTP. The types follow `daemon/PROTOCOL.md`; times are RFC 3339 in UTC,
 * rates bits per second, durations seconds unless the name says otherwise.
 */

export interface Reason {
  code: string;
  args: Record<string, string | number>;
}
export type Health = "ok" | "degraded" | "critical" | "unknown";
export type AccountRole = "admin" | "operator" | "host" | "viewer";
export type SeatRole = "chair" | "secretary" | "technician" | "delegate" | "viewer";

export interface Session {
  state: "setup" | "anonymous" | "signed_in";
  account?: Account;
  language: "vi" | "en";
  time_zone: string;
  version: string;
  lab: boolean;
}
export interface Account {
  id: number;
  username: string;
  display_name: string;
  role: AccountRole;
  disabled: boolean;
  last_seen?: string;
}
export interface AccountInput {
  username: string;
  display_name: string;
  role: AccountRole;
  password: string;
}

export interface Overview {
  health: Record<Health, number>;
  sites: Record<Health, number>;
  incidents: Incident[];
  conferences: Conference[];
  links_near_full: LinkRow[];
  daemon: { started_at: string; polls_late: number; disk_ok: boolean; notices: Reason[] };
}
export interface Incident {
  id: number;
  opened_at: string;
  closed_at?: string;
  health: Health;
  reason: Reason;
  device?: string;
  device_name?: string;
  interface?: string;
  sites: string[];
  behind: { device: string; name: string; since: string }[];
  acknowledged_by?: string;
  note?: string;
  acknowledged_at?: string;
  maintenance?: number;
  run_ids: number[];
}

export type DeviceKind =
  | "server" | "frame" | "storage" | "backup" | "san_switch" | "switch" | "router" | "firewall"
  | "hypervisor" | "ups" | "pdu" | "cooling" | "host" | "other";

export interface DeviceRow {
  id: string;
  name: string;
  address: string;
  site?: string;
  site_name?: string;
  kind: DeviceKind;
  profile: string;
  vendor: string;
  model: string;
  health: Health;
  reasons: Reason[];
  last_seen?: string;
  behind?: { device: string; name: string };
  maintenance?: number;
}
export interface Component {
  name: string;
  class: string;
  parent?: string;
  model: string;
  serial: string;
  health: Health;
  state: string;
}
export interface Sensor {
  name: string;
  class: string;
  value?: number;
  unit: string;
  health: Health;
  low?: number;
  high?: number;
  state?: string;
  age_seconds: number;
  limit_source?: "device" | "profile" | "configuration";
}
export interface Neighbour {
  interface: string;
  device?: string;
  name: string;
  remote_interface: string;
  protocol: "lldp" | "cdp" | "declared";
}
export interface DeviceDetail extends DeviceRow {
  sys_name: string;
  sys_descr: string;
  sys_object_id: string;
  serial: string;
  version: string;
  location: string;
  contact: string;
  uptime_seconds?: number;
  credential: string;
  snmp: string;
  poll_seconds: number;
  components: Component[];
  sensors: Sensor[];
  interfaces: InterfaceRow[];
  neighbours: Neighbour[];
  storage: { name: string; used_bytes: number; size_bytes: number; health: Health }[];
  processors: { name: string; load_percent: number }[];
  collection: { finished_at?: string; duration_ms: number; varbinds: number; requests: number; retries: number; timeouts: number; walk_errors: number; tables_cut: string[]; max_repetitions: number; last_success?: string; errors: Reason[] };
}
export interface InterfaceRow {
  name: string;
  alias: string;
  index: number;
  admin: "up" | "down" | "testing";
  oper: string;
  speed_bps: number;
  in_bps?: number;
  out_bps?: number;
  in_errors_per_second?: number;
  out_errors_per_second?: number;
  health: Health;
  last_change?: string;
  sites: string[];
}
export interface Series {
  interface: string;
  step_seconds: number;
  points: [at_unix: number, in_bps: number | null, out_bps: number | null][];
}
export type LinkSource = "declared" | "uplink" | "lldp" | "cdp" | "bridge" | "route" | "arp";
export interface LinkEnd { device: string; name: string; interface: string }
export interface LinkRow {
  id: string;
  a: { device: string; name: string; interface: string };
  b?: { device?: string; name: string; interface: string };
  source: LinkSource;
  sources: LinkSource[];
  lines?: { a?: LinkEnd; b?: LinkEnd; down: boolean }[];
  capacity_bps: number;
  in_bps?: number;
  out_bps?: number;
  load_percent?: number;
  health: Health;
  reasons: Reason[];
  sites: string[];
  maintenance?: number;
}
export interface TopologySite { id: string; name: string; parent?: string; health: Health; reasons: Reason[]; path: string[] }
export interface TopologyDevice { id: string; name: string; kind: string; site?: string; rack?: string; unit?: number; health: Health; reasons: Reason[]; behind?: { device: string; name: string } }
export interface Opinion { source: LinkSource; by?: { device: string; name: string }; far?: { device?: string; name: string; interface: string } }
export interface LinkConflict { kind: "other_end" | "shared_port" | "one_sided"; at: LinkEnd; opinions: Opinion[] }
export interface Topology { sites: TopologySite[]; devices: TopologyDevice[]; links: LinkRow[]; conflicts: LinkConflict[] }
export interface EventRow {
  id: number;
  at: string;
  kind: string;
  health: Health;
  device?: string;
  device_name?: string;
  interface?: string;
  site?: string;
  reason: Reason;
  held_back_by?: string;
}
export interface Site {
  id: string;
  name: string;
  kind: string;
  parent?: string;
  agency_code?: string;
  uplink?: { device: string; interface: string };
  capacity_bps?: number;
  phone?: string;
  health: Health;
  reasons: Reason[];
  maintenance?: number;
}
export type SiteInput = Omit<Site, "health" | "reasons" | "maintenance">;
export interface MaintenanceScope {
  kind: "device" | "link" | "site" | "kind";
  id: string;
}
export interface MaintenanceInput {
  title: string;
  note?: string;
  scopes: MaintenanceScope[];
  starts_at: string;
  ends_at: string;
  recurrence?: Recurrence;
}
export interface Maintenance {
  id: number;
  title: string;
  note: string;
  scopes: (MaintenanceScope & { name: string })[];
  starts_at: string;
  ends_at: string;
  recurrence?: Recurrence;
  created_by: string;
  created_at: string;
  ended_at?: string;
  ended_by?: string;
  state: "now" | "planned" | "over";
  occurrences: { starts_at: string; ends_at: string }[];
}
export interface DirectionUse {
  percentile_bps?: number;
  mean_bps?: number;
  peak_bps?: number;
  share_percent?: number;
  growth_percent?: number;
  coverage_percent: number;
}
export interface LinkUse {
  id: string;
  a: LinkRow["a"];
  b?: LinkRow["b"];
  sites: string[];
  capacity_bps: number;
  capacity_source: "link" | "site" | "interface" | "unknown";
  in: DirectionUse;
  out: DirectionUse;
  share_percent?: number;
  over: boolean;
}
export interface LinkReport {
  from: string;
  to: string;
  percentile: number;
  interval_seconds: number;
  share_percent_max: number;
  links: LinkUse[];
}
export interface Availability {
  kind: "device" | "link" | "site";
  subject: string;
  name: string;
  percent?: number;
  up_seconds: number;
  down_seconds: number;
  planned_seconds: number;
  planned_down_seconds: number;
  behind_seconds: number;
  unknown_seconds: number;
  faults: number;
  longest_seconds: number;
  causes: { reason: Reason; standing: "down" | "behind"; seconds: number; times: number }[];
}
export interface AvailabilityReport {
  month: string;
  from: string;
  to: string;
  rows: Availability[];
}
export interface PlaybookRow {
  name: string;
  title: string;
  on: string[];
  when?: string;
  throttle?: string;
  steps: string[];
  source: string;
  changes_devices: boolean;
}
export interface RunStep {
  index: number;
  kind: string;
  title: string;
  state: "pending" | "intended" | "done" | "failed" | "skipped" | "interrupted" | "waiting" | "approval";
  at?: string;
  detail?: string;
}
export interface Run {
  id: number;
  playbook: string;
  event: { kind: string; at: string; subject: string; reason: Reason };
  state: "running" | "waiting" | "approval" | "done" | "failed" | "interrupted";
  started_at: string;
  finished_at?: string;
  steps: RunStep[];
}

export interface Recurrence {
  every: "day" | "week" | "month";
  interval: number;
  count?: number;
  until?: string;
}
export interface ConferenceInput {
  title: string;
  starts_at: string;
  ends_at: string;
  chair_site: string;
  sites: string[];
  description?: string;
  recurrence?: Recurrence;
  accept_conflicts?: boolean;
}
export interface Conference {
  id: number;
  title: string;
  description: string;
  starts_at: string;
  ends_at: string;
  state: "scheduled" | "live" | "ended" | "cancelled";
  chair_site: string;
  sites: string[];
  room: string;
  recurrence?: Recurrence;
  joined: number;
  invited: number;
}
export interface ConferenceDetail extends Conference {
  invitations: { site: string; site_name: string; role: SeatRole; link?: string }[];
  host_link?: string;
  occurrences: { starts_at: string; ends_at: string }[];
}
export interface Conflict {
  conference: number;
  title: string;
  starts_at: string;
  ends_at: string;
  sites: string[];
}
export interface HistoryRow {
  at: string;
  device: string;
  kind: "vendor" | "model" | "serial" | "version" | "name" | "address" | "component_serial" | "component_model" | "neighbour" | "interface" | "interface_renamed";
  subject: string;
  old?: string;
  new?: string;
}
export interface DiscoveryState {
  configured: boolean;
  auto: boolean;
  scanning: boolean;
  started_at?: string;
  finished_at?: string;
  next_at?: string;
  progress: { addresses: number; done: number; answered: number; new: number; requests: number; failures: number; resting: number; excluded: number; outside: number; skipped: number; stopped: boolean };
  findings: Finding[];
  accepted: { id: string; name: string; address: string; site?: string; accepted_at: string; accepted_by: string; conflict?: Reason }[];
}
export interface Finding {
  address: string;
  verdict: "new" | "known" | "moved" | "duplicate" | "silent" | "refused";
  device?: string;
  other_address?: string;
  origin: "range" | "seed" | "lldp" | "cdp" | "arp";
  told_by?: string;
  credential?: string;
  refusals: { credential: string; reason: Reason }[];
  identity?: { system_name: string; descr: string; object_id: string; engine_id: string; serial: string; base_mac: string; vendor: string; model: string; profile: string; generic: boolean; kind: DeviceKind };
  ignored: boolean;
  first_seen: string;
  last_seen: string;
  failures: number;
  rests_until?: string;
  suggested_id: string;
}
export interface AcceptInput {
  address: string;
  id?: string;
  name?: string;
  site?: string;
  poll_seconds?: number;
  profile?: string;
}
export interface Attendance {
  site: string;
  site_name: string;
  participant: string;
  role: SeatRole;
  joined_at: string;
  left_at?: string;
  reason?: Reason;
}
export interface Recording {
  id: number;
  conference: number;
  title: string;
  started_at: string;
  ended_at?: string;
  bytes: number;
  state: "recording" | "done" | "failed";
  reason?: Reason;
}
export interface RoomPreview {
  room: string;
  title: string;
  starts_at: string;
  ends_at: string;
  state: Conference["state"];
  site_name: string;
  role: SeatRole;
  recording: boolean;
  language: "vi" | "en";
  time_zone: string;
}

export interface Board {
  conference: number;
  state: Conference["state"];
  recording: { on: boolean; since?: string; reason?: Reason; hidden?: Reason };
  floor?: string;
  spotlight?: string;
  sharing: ShareRule;
  counts: { joined: number; absent: number; dropped: number; invited: number };
  rows: BoardRow[];
}
export interface BoardRow {
  site: string;
  site_name: string;
  state: "absent" | "joined" | "dropped";
  since?: string;
  reason?: Reason;
  health: Health;
  line?: string;
  imposed?: Mode;
  participants: Participant[];
}
export interface Participant {
  id: string;
  name: string;
  site: string;
  site_name: string;
  role: SeatRole;
  /** What sits there: a person at a page, or a device by WHIP or WHEP. */
  kind: "person" | "encoder" | "player";
  mic: boolean;
  cam: boolean;
  muted_by_host: boolean;
  hand?: string;
  floor: boolean;
  speaking: boolean;
  connected: boolean;
  slides: boolean;
  document: boolean;
  mode: Mode;
  mode_by?: string;
  fallen_since?: string;
}
/** How much picture a site takes and gives. */
export type Mode = "normal" | "light" | "sound_only";
/** Who may share a screen or a document camera. */
export type ShareRule = "hosts" | "one" | "several";

/** How a seat's road is; `up` is from the seat. */
export interface PeerRow {
  participant: string;
  name: string;
  site: string;
  site_name: string;
  kind: Participant["kind"];
  connected: boolean;
  address?: string;
  transport?: "udp" | "tcp" | "relay";
  rtt_ms?: number;
  loss_up_percent: number;
  loss_down_percent: number;
  jitter_up_ms: number;
  up_bps: number;
  down_bps: number;
  estimate_bps: number;
  layer?: number;
  fps_up: number;
  fps_down: number;
  nacked: number;
  lowered?: Reason;
}
interface Stream {
  kind: "audio" | "video";
  ssrc: number;
  packets: number;
  bytes: number;
  lost: number;
  jitter_ms: number;
  nacked: number;
  keyframes_asked: number;
  fps: number;
  bps: number;
}
export interface PeerReport extends PeerRow {
  up: (Stream & { track: "main" | "slides" | "document"; codec: string; layer: number; repaired: number; recovered: number; keyframes: number })[];
  down: (Stream & { slot: number; shown?: string; shown_name?: string; layer?: number; loss_percent: number; repeated: number })[];
  /** Whether sound goes to it with copies. */
  copies: boolean;
  drops: Record<string, number>;
}

/** What lets a device into a room by WHIP or WHEP. */
export interface Pass {
  id: number;
  site: string;
  site_name: string;
  direction: "send" | "receive";
  name: string;
  created_at: string;
  created_by: string;
  expires_at: string;
  used_at?: string;
}
/** A pass just made; the token is told this once. */
export interface PassMade extends Pass {
  url: string;
  token: string;
}

/** What a host may order, on the desk's socket and on the room's for chair and secretary. */
export type Command =
  | { type: "mute"; participant: string }
  | { type: "unmute"; participant: string }
  | { type: "mute_all"; except_floor: boolean }
  | { type: "give_floor"; participant: string }
  | { type: "take_floor" }
  | { type: "spotlight"; participant: string | null }
  | { type: "remove"; participant: string }
  | { type: "lower_hand"; participant: string }
  | { type: "set_mode"; site: string; mode: Mode | null }
  | { type: "stop_share"; participant: string }
  | { type: "sharing"; rule: ShareRule }
  | { type: "record"; on: boolean }
  | { type: "end" };

/** A refusal by the daemon, or `code: "network"` when it could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly code: string,
    readonly status: number,
    message: string,
    readonly field?: string,
    readonly body?: unknown,
  ) {
    super(message);
  }
}

/** Longest wait for an answer; a page that waits longer says so instead. */
const TIMEOUT_MS = 20_000;

async function request<T>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      headers: body === undefined ? headers : { ...headers, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: controller.signal,
    });
  } catch (cause) {
    throw new ApiError("network", 0, String(cause));
  } finally {
    clearTimeout(timer);
  }
  if (response.status === 204) return undefined as T;
  const text = await response.text();
  let value: unknown;
  try {
    value = text === "" ? undefined : JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (!response.ok) {
    const error = (value as { error?: { code?: string; message?: string; field?: string } } | undefined)?.error;
    throw new ApiError(error?.code ?? "internal", response.status, error?.message ?? response.statusText, error?.field, value);
  }
  if (value === undefined) throw new ApiError("internal", response.status, "empty answer");
  return value as T;
}

export const api = {
  get: <T>(path: string) => request<T>("GET", path),
  post: <T>(path: string, body: unknown) => request<T>("POST", path, body),
  patch: <T>(path: string, body: unknown) => request<T>("PATCH", path, body),
  remove: (path: string) => request<void>("DELETE", path),
  /** A room answers to the token of its link alone, not to a session. */
  roomPreview: (room: string, token: string) =>
    request<RoomPreview>("GET", `/rooms/${encodeURIComponent(room)}`, undefined, { authorization: `Bearer ${token}` }),
};

/** The address of a socket of the API on the host that served the page. */
export function socketAddress(path: string): string {
  return `${location.protocol === "https:" ? "wss:" : "ws:"}//${location.host}/api/v1${path}`;
}
