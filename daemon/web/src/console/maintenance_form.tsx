import { useState } from "preact/hooks";
import { type ApiError, type DeviceRow, type LinkRow, type Maintenance, type MaintenanceInput, type MaintenanceScope, type Site, api } from "../api.ts";
import { Clock } from "../desk/what.tsx";
import { byName, fieldDate, fromZone, time } from "../format.ts";
import { common } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { d } from "../i18n/desk.ts";
import { u } from "../i18n/upkeep.ts";
import { useResource } from "../resource.ts";
import { Button, Name, Refusal } from "../ui/basics.tsx";
import { Dialog, say } from "../ui/dialog.tsx";
import { Field, Select, Text } from "../ui/forms.tsx";

const KINDS = ["server", "frame", "storage", "backup", "san_switch", "switch", "router", "firewall", "hypervisor", "ups", "pdu", "cooling", "host", "other"] as const;

type Scope = MaintenanceScope & { name: string };
type Repeat = "none" | "day" | "week" | "month";

/** The next full hour, and two hours from then. */
function soon(): { day: string; from: string; to: string; last: string } {
  const begin = new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000);
  const end = new Date(begin.getTime() + 2 * 3_600_000);
  return { day: fieldDate(begin), from: time(begin), to: time(end), last: fieldDate(end) };
}

function useChoices(kind: MaintenanceScope["kind"]): Scope[] {
  const sites = useResource<Site[]>(kind === "site" ? "/sites" : null);
  const devices = useResource<DeviceRow[]>(kind === "device" ? "/devices" : null);
  const links = useResource<LinkRow[]>(kind === "link" ? "/links" : null);
  const all: Scope[] =
    kind === "kind" ? KINDS.map((id) => ({ kind, id, name: t(`kind.${id}`) }))
    : kind === "site" ? (sites.data ?? []).map((site) => ({ kind, id: site.id, name: site.name }))
    : kind === "device" ? (devices.data ?? []).map((device) => ({ kind, id: device.id, name: device.name }))
    : (links.data ?? []).map((link) => ({ kind, id: `${link.a.device}/${link.a.interface}`, name: `${link.a.name} ${link.a.interface}` }));
  return all.sort((a, b) => byName(a.name, b.name));
}

export function MaintenanceForm({ close, done }: { close: () => void; done: () => void }) {
  const [first] = useState(soon);
  const [title, setTitle] = useState("");
  const [note, setNote] = useState("");
  const [scopes, setScopes] = useState<Scope[]>([]);
  const [kind, setKind] = useState<MaintenanceScope["kind"]>("site");
  const [day, setDay] = useState(first.day);
  const [from, setFrom] = useState(first.from);
  const [last, setLast] = useState(first.last);
  const [to, setTo] = useState(first.to);
  const [repeat, setRepeat] = useState<Repeat>("none");
  const [tried, setTried] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const choices = useChoices(kind);
  const begins = fromZone(day, from);
  const ends = fromZone(last, to);
  const timed = begins !== null && ends !== null && ends > begins && ends.getTime() > Date.now();

  const save = async () => {
    setTried(true);
    if (title.trim() === "" || scopes.length === 0 || !timed) return;
    setBusy(true);
    const input: MaintenanceInput = {
      title: title.trim(), note: note.trim(),
      scopes: scopes.map((scope) => ({ kind: scope.kind, id: scope.id })),
      starts_at: begins.toISOString(), ends_at: ends.toISOString(),
      ...(repeat === "none" ? {} : { recurrence: { every: repeat, interval: 1 } }),
    };
    try {
      await api.post<Maintenance>("/maintenance", input);
      say(u("form.saved"));
      close();
      done();
    } catch (refusal) {
      setError(refusal as ApiError);
      setBusy(false);
    }
  };
  const toggle = (id: string) => {
    const chosen = choices.find((choice) => choice.id === id);
    if (chosen && !scopes.some((scope) => scope.kind === chosen.kind && scope.id === id)) setScopes([...scopes, chosen]);
  };
  return (
    <Dialog title={u("maintenance.new")} onClose={close} wide test="maintenance-form">
      <form class="stack" onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <Field label={u("form.title")} hint={u("form.title.hint")} bad={tried && title.trim() === "" ? u("form.bad.title") : undefined}>
          {(id) => <Text id={id} value={title} onInput={setTitle} maxLength={200} test="maintenance-title" focus />}
        </Field>
        <Field label={u("form.note")}>
          {(id) => <textarea id={id} class="input" rows={2} maxLength={2000} value={note} onInput={(event) => setNote(event.currentTarget.value)} />}
        </Field>
        <div class="form-grid">
          <Field label={u("form.scope.kind")}>
            {(id) => <Select id={id} value={kind} onChange={setKind} test="maintenance-kind" options={[["site", u("form.scope.site")], ["device", u("form.scope.device")], ["link", u("form.scope.link")], ["kind", u("form.scope.kinds")]]} />}
          </Field>
          <Field label={u("form.scope")} bad={tried && scopes.length === 0 ? u("form.bad.scope") : undefined}>
            {(id) => <Select id={id} value="" onChange={toggle} test="maintenance-scope" options={[["", u("form.scope.pick")], ...choices.map((choice) => [choice.id, choice.name] as const)]} />}
          </Field>
        </div>
        {scopes.length === 0 ? <p class="quiet">{u("form.scope.none")}</p> : (
          <p class="work-scopes">
            {scopes.map((scope) => (
              <button key={`${scope.kind} ${scope.id}`} type="button" class="tag remove" aria-label={u("form.scope.remove", { name: scope.name })} onClick={() => setScopes(scopes.filter((other) => other !== scope))}>
                <Name>{scope.name}</Name> <span aria-hidden="true">×</span>
              </button>
            ))}
          </p>
        )}
        <div class="form-grid four">
          <Field label={u("form.from")}>{(id) => <Text id={id} type="date" value={day} onInput={(value) => { setDay(value); if (value > last) setLast(value); }} test="maintenance-day" />}</Field>
          <Field label={d("what.from")}>{(id) => <Clock id={id} value={from} put={setFrom} test="maintenance-from" />}</Field>
          <Field label={u("form.to")} bad={tried && !timed ? u("form.bad.time") : undefined}>{(id) => <Text id={id} type="date" value={last} onInput={setLast} test="maintenance-last" />}</Field>
          <Field label={d("what.to")}>{(id) => <Clock id={id} value={to} put={setTo} test="maintenance-to" />}</Field>
        </div>
        <Field label={d("what.repeat")}>
          {(id) => <Select<Repeat> id={id} value={repeat} onChange={setRepeat} options={[["none", d("what.repeat.none")], ["day", d("what.repeat.day")], ["week", d("what.repeat.week")], ["month", d("what.repeat.month")]]} />}
        </Field>
        <Refusal error={error} />
        <div class="actions">
          <Button onClick={close}>{common("cancel")}</Button>
          <Button type="submit" kind="primary" busy={busy} test="maintenance-save">{u("form.save")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
