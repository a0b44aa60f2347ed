import { useState } from "preact/hooks";
import { type AcceptInput, type ApiError, type DiscoveryState, type Finding, type Site, api } from "../api.ts";
import { useNow } from "../clock.ts";
import { ago, byName, when } from "../format.ts";
import { common, errorSentence } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { reasonSentence } from "../i18n/reasons.ts";
import { useResource } from "../resource.ts";
import { Link, useQuery } from "../router.tsx";
import { matches } from "../search.ts";
import { may } from "../session.ts";
import { Button, Empty, Failure, Loading, Name, PageHead, Panel, Refusal } from "../ui/basics.tsx";
import { Dialog, ask, say } from "../ui/dialog.tsx";
import { Check, Choice, Field, FilterBox, Select, Text } from "../ui/forms.tsx";
import { type Column, Table } from "../ui/table.tsx";

type Shelf = "new" | "known" | "trouble" | "ignored";

/** Where a finding is put for the reader: what waits for a decision first. */
function shelfOf(row: Finding): Shelf {
  if (row.ignored) return "ignored";
  if (row.verdict === "new" || row.verdict === "moved") return "new";
  return row.verdict === "refused" || row.verdict === "silent" ? "trouble" : "known";
}

const TAGS: Record<Finding["verdict"], string> = { new: "ok", moved: "degraded", known: "", duplicate: "", silent: "", refused: "degraded" };

/** Scans, and what of their findings is watched. */
export function Discovery() {
  const now = useNow();
  const resource = useResource<DiscoveryState>("/discovery", ["discovery", "devices"]);
  const [query, setQuery] = useQuery("tim");
  const [shelf, setShelf] = useQuery("muc");
  const [chosen, choose] = useState<ReadonlySet<string>>(new Set());
  const [accepting, accept] = useState<Finding[] | null>(null);
  const [busy, setBusy] = useState(false);
  const state = resource.data;
  if (!state) return resource.error ? <Failure error={resource.error} retry={resource.reload} /> : <Loading rows={8} />;
  const here = (shelf || "new") as Shelf;
  const count = (which: Shelf) => state.findings.filter((row) => shelfOf(row) === which).length;
  const shown = state.findings.filter((row) => shelfOf(row) === here && matches(query, row.address, row.identity?.system_name, row.identity?.vendor, row.identity?.model, row.identity?.serial, row.device));
  const picked = shown.filter((row) => chosen.has(row.address));
  const acts = may("operate");
  const run = async (work: () => Promise<unknown>, sentence?: string) => {
    setBusy(true);
    try {
      await work();
      if (sentence) say(sentence);
      choose(new Set());
      resource.reload();
    } catch (refusal) {
      say(errorSentence((refusal as ApiError).code));
    } finally {
      setBusy(false);
    }
  };
  const addresses = picked.map((row) => row.address);
  const toggle = (address: string, on: boolean) => choose((before) => {
    const next = new Set(before);
    if (on) next.add(address);
    else next.delete(address);
    return next;
  });
  const columns: Column<Finding>[] = [
    {
      key: "dia-chi", label: t("found.device"), wide: true,
      cell: (row) => {
        const name = row.identity?.system_name || row.address;
        const text = <><Name>{name}</Name>{name !== row.address && <span class="under mono"><Name>{row.address}</Name></span>}</>;
        return acts && row.verdict !== "known" ? <Check checked={chosen.has(row.address)} onChange={(on) => toggle(row.address, on)} test="pick">{text}</Check> : text;
      },
      compare: (a, b) => byName(a.identity?.system_name ?? a.address, b.identity?.system_name ?? b.address),
    },
    {
      key: "ket-qua", label: t("found.verdict"),
      cell: (row) => (
        <>
          <span class={`tag ${TAGS[row.verdict]}`}>{t(`found.verdict.${row.verdict}`)}</span>
          <span class="under">
            {row.device && <Link href={`/thiet-bi/${encodeURIComponent(row.device)}`}><Name>{row.device}</Name></Link>}
            {row.other_address && <> <span class="mono"><Name>{row.other_address}</Name></span></>}
          </span>
        </>
      ),
      compare: (a, b) => a.verdict.localeCompare(b.verdict),
    },
    {
      key: "may", label: t("device.model"), wide: true,
      cell: (row) => row.identity && (
        <>
          <Name>{`${row.identity.vendor} ${row.identity.model}`.trim()}</Name>
          <span class="under">{t(`kind.${row.identity.kind}`)}{row.identity.serial && <> · <span class="mono"><Name>{row.identity.serial}</Name></span></>}</span>
        </>
      ),
      compare: (a, b) => byName(`${a.identity?.vendor} ${a.identity?.model}`, `${b.identity?.vendor} ${b.identity?.model}`),
    },
    {
      key: "truy-cap", label: t("found.access"),
      cell: (row) => (
        <>
          <Name>{row.credential}</Name>
          {!row.credential && row.refusals.map((refusal) => <span class="block"><Name>{refusal.credential}</Name>: {reasonSentence(refusal.reason)}</span>)}
          {row.rests_until && new Date(row.rests_until) > now && <span class="under">{t("found.rests", { n: row.failures, at: when(row.rests_until, now) })}</span>}
        </>
      ),
    },
    { key: "nguon", label: t("found.origin"), cell: (row) => <>{t(`found.origin.${row.origin}`)}<span class="under num">{ago(row.last_seen, now)}</span></> },
  ];
  const p = state.progress;
  const share = p.addresses > 0 ? Math.min(100, (100 * p.done) / p.addresses) : 0;
  return (
    <div class="found">
      <PageHead title={t("found.title")} sub={t(state.auto ? "found.sub.auto" : "found.sub")}>
        {acts && (state.scanning
          ? <Button test="scan-stop" busy={busy} onClick={() => void run(() => api.remove("/discovery/scan"))}>{t("found.stop")}</Button>
          : <Button kind="primary" test="scan" busy={busy} disabled={!state.configured} onClick={() => void run(() => api.post("/discovery/scan", {}))}>{t("found.scan")}</Button>)}
      </PageHead>
      {!state.configured && <Panel><Empty title={t("found.unconfigured")}>{t("found.unconfigured.sub")}</Empty></Panel>}
      {state.configured && (
        <Panel test="scan-progress">
          <p aria-live="polite">
            {state.scanning
              ? t("found.running", { done: p.done, n: p.addresses, found: p.answered })
              : state.finished_at
                ? t(p.stopped ? "found.stopped" : "found.finished", { at: when(state.finished_at, now), n: p.done, found: p.answered, fresh: p.new })
                : t("found.never")}
            {!state.scanning && state.next_at && <> {t("found.next", { at: when(state.next_at, now) })}</>}
          </p>
          {state.scanning && <div class="load health-ok" role="progressbar" aria-valuenow={Math.round(share)} aria-valuemin={0} aria-valuemax={100} aria-label={t("found.title")}><span style={{ width: `${share}%` }} /></div>}
          {state.started_at && <p class="quiet">{t("found.cost", { requests: p.requests, failures: p.failures, resting: p.resting, outside: p.outside })}</p>}
        </Panel>
      )}
      <div class="toolbar">
        <FilterBox value={query} onInput={setQuery} placeholder={t("found.filter")} />
        <Choice<Shelf> value={here} onChange={(next) => { setShelf(next === "new" ? "" : next); choose(new Set()); }} label={t("found.shelf")} test="shelf" options={(["new", "known", "trouble", "ignored"] as const).map((which) => [which, `${t(`found.shelf.${which}`)} (${count(which)})`] as const)} />
      </div>
      {acts && shown.some((row) => row.verdict !== "known") && (
        <div class="toolbar" data-test="found-actions">
          <Check checked={picked.length === shown.length && shown.length > 0} mixed={picked.length > 0 && picked.length < shown.length} onChange={(on) => choose(new Set(on ? shown.map((row) => row.address) : []))} test="pick-all">{t("found.all", { n: picked.length })}</Check>
          {(here === "new" || here === "known") && <Button kind="primary" test="accept" disabled={picked.length === 0 || busy} onClick={() => accept(picked)}>{t("found.accept")}</Button>}
          {here === "trouble" && <Button test="forgive" disabled={picked.length === 0 || busy} onClick={() => void run(() => api.post("/discovery/forgive", { addresses }), t("found.forgiven"))}>{t("found.forgive")}</Button>}
          {here === "ignored"
            ? <Button test="unignore" disabled={picked.length === 0 || busy} onClick={() => void run(() => api.post("/discovery/ignore", { addresses, ignore: false }))}>{t("found.unignore")}</Button>
            : <Button test="ignore" disabled={picked.length === 0 || busy} onClick={() => void run(() => api.post("/discovery/ignore", { addresses, ignore: true }), t("found.was_ignored", { n: addresses.length }))}>{t("found.ignore")}</Button>}
        </div>
      )}
      {shown.length === 0
        ? <Panel><Empty title={t("found.none")}>{t(`found.none.${here}`)}</Empty></Panel>
        : <Panel flush><Table label={t("found.title")} columns={columns} rows={shown} rowKey={(row) => row.address} rowClass={(row) => (chosen.has(row.address) ? "chosen" : row.ignored ? "row-off" : "")} test="found" /></Panel>}
      {state.accepted.length > 0 && <Accepted state={state} reload={resource.reload} />}
      {accepting && <AcceptForm rows={accepting} close={() => accept(null)} done={(n) => { accept(null); choose(new Set()); say(t("found.accepted", { n })); resource.reload(); }} />}
    </div>
  );
}

/** Devices that came from a scan; each may be given up again. */
function Accepted({ state, reload }: { state: DiscoveryState; reload: () => void }) {
  const dismiss = async (id: string, name: string) => {
    if (!(await ask(t("found.dismiss.title"), t("found.dismiss.text", { name }), t("found.dismiss")))) return;
    try {
      await api.remove(`/discovery/accepted/${encodeURIComponent(id)}`);
      reload();
    } catch (refusal) {
      say(errorSentence((refusal as ApiError).code));
    }
  };
  const columns: Column<DiscoveryState["accepted"][number]>[] = [
    { key: "ten", label: t("device.name"), wide: true, cell: (row) => <><Link href={`/thiet-bi/${encodeURIComponent(row.id)}`}><Name>{row.name}</Name></Link><span class="under mono"><Name>{row.address}</Name></span></> },
    { key: "ai", label: t("found.accepted.by"), cell: (row) => <><Name>{row.accepted_by}</Name><span class="under num">{when(row.accepted_at, new Date())}</span>{row.conflict && <span class="tag degraded">{reasonSentence(row.conflict)}</span>}</> },
  ];
  if (may("operate")) columns.push({ key: "bo", label: t("found.dismiss"), cell: (row) => <Button kind="quiet" test="dismiss" onClick={() => void dismiss(row.id, row.name)}>{t("found.dismiss")}</Button> });
  return <Panel title={t("found.accepted.title", { n: state.accepted.length })} flush><Table label={t("found.accepted.title", { n: state.accepted.length })} columns={columns} rows={state.accepted} rowKey={(row) => row.id} order="da-nhan" low /></Panel>;
}

function AcceptForm({ rows, close, done }: { rows: Finding[]; close: () => void; done: (n: number) => void }) {
  const sites = useResource<Site[]>("/sites", ["sites"]);
  const [site, setSite] = useState("");
  const [seconds, setSeconds] = useState("");
  const [names, setNames] = useState<Record<string, string>>(Object.fromEntries(rows.map((row) => [row.address, row.identity?.system_name || row.suggested_id])));
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const save = async () => {
    setBusy(true);
    setError(undefined);
    const devices: AcceptInput[] = rows.map((row) => ({
      address: row.address,
      name: names[row.address]?.trim() || row.suggested_id,
      ...(site === "" ? {} : { site }),
      ...(seconds === "" ? {} : { poll_seconds: Number(seconds) }),
    }));
    try {
      const ids = await api.post<string[]>("/discovery/accept", { devices });
      done(ids.length);
    } catch (refusal) {
      setError(refusal as ApiError);
      setBusy(false);
    }
  };
  const choices = [...(sites.data ?? [])].sort((a, b) => byName(a.name, b.name));
  return (
    <Dialog title={t("found.accept.title", { n: rows.length })} onClose={close} test="accept-form">
      <form onSubmit={(event) => { event.preventDefault(); void save(); }}>
        <Field label={t("device.site")} hint={t("found.site.hint")}>{(id) => <Select id={id} value={site} onChange={setSite} test="accept-site" options={[["", t("found.site.none")] as const, ...choices.map((one) => [one.id, one.name] as const)]} />}</Field>
        <Field label={t("found.seconds")} hint={t("found.seconds.hint")}>{(id) => <Text id={id} type="number" min={1} max={3600} value={seconds} onInput={setSeconds} test="accept-seconds" />}</Field>
        <div class="accept-names">
          {rows.map((row) => (
            <Field key={row.address} label={row.address} hint={row.identity && `${row.identity.vendor} ${row.identity.model}`.trim()}>
              {(id) => <Text id={id} value={names[row.address] ?? ""} onInput={(value) => setNames({ ...names, [row.address]: value })} maxLength={120} test="accept-name" />}
            </Field>
          ))}
        </div>
        <Refusal error={error} />
        <div class="actions">
          <Button onClick={close}>{common("cancel")}</Button>
          <Button type="submit" kind="primary" busy={busy} test="accept-save">{t("found.accept.save", { n: rows.length })}</Button>
        </div>
      </form>
    </Dialog>
  );
}
