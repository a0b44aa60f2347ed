import { useEffect, useState } from "preact/hooks";
import { type ApiError, type EventRow, type Incident, api } from "../api.ts";
import { t } from "../i18n/console.ts";
import { eventKind, reasonClause } from "../i18n/reasons.ts";
import { onTrap } from "../live.ts";
import { useResource } from "../resource.ts";
import { useQuery } from "../router.tsx";
import { matches } from "../search.ts";
import { Button, Empty, Failure, Loading, PageHead, Panel, Refusal } from "../ui/basics.tsx";
import { Choice, FilterBox } from "../ui/forms.tsx";
import { EventTable } from "./event_table.tsx";
import { IncidentCard } from "./incident.tsx";

/** Events read at once. */
const PAGE = 100;
const NONE: EventRow[] = [];

export function Events() {
  return (
    <>
      <PageHead title={t("events.title")} />
      <div class="stack"><Incidents /><Log /></div>
    </>
  );
}

function Incidents() {
  const [scope, setScope] = useQuery("su-co", "open");
  const incidents = useResource<Incident[]>(scope === "all" ? "/incidents" : "/incidents?open=true", ["incidents"]);
  return (
    <Panel
      title={t("events.incidents")}
      aside={<Choice value={scope} onChange={setScope} label={t("events.incidents")} test="incident-scope" options={[["open", t("events.incidents.open")], ["all", t("events.incidents.all")]]} />}
      test="incidents"
    >
      {!incidents.data
        ? incidents.error ? <Failure error={incidents.error} retry={incidents.reload} /> : <Loading rows={2} />
        : incidents.data.length === 0
          ? <Empty title={t(scope === "all" ? "events.incidents.none" : "home.incidents.none")} />
          : <ul class="cards">{incidents.data.map((incident) => <li key={incident.id}><IncidentCard incident={incident} changed={incidents.reload} /></li>)}</ul>}
    </Panel>
  );
}

function Log() {
  const latest = useResource<EventRow[]>(`/events?limit=${PAGE}`, ["events"]);
  const [older, setOlder] = useState<EventRow[]>([]);
  const [done, setDone] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const [query, setQuery] = useQuery("tim");
  const seen = useSeen(latest.data ?? NONE);
  const all = [...useNews(latest.data), ...merged(seen, older)];
  const shown = all.filter((row) => matches(query, row.device_name, row.site, row.interface, eventKind(row.kind), reasonClause(row.reason)));
  const more = async () => {
    const last = all.at(-1);
    if (!last) return;
    setBusy(true);
    setError(undefined);
    try {
      const page = await api.get<EventRow[]>(`/events?before=${last.id}&limit=${PAGE}`);
      setOlder(merged(older, page));
      setDone(page.length < PAGE);
    } catch (refusal) {
      setError(refusal as ApiError);
    }
    setBusy(false);
  };
  return (
    <Panel title={t("events.log")} aside={<FilterBox value={query} onInput={setQuery} placeholder={t("events.filter")} />} flush={shown.length > 0}>
      {!latest.data
        ? latest.error ? <Failure error={latest.error} retry={latest.reload} /> : <Loading />
        : all.length === 0
          ? <Empty title={t("events.none")}>{t("events.none.sub")}</Empty>
          : shown.length === 0 ? <Empty title={t("events.no_match")} /> : <EventTable events={shown} high />}
      <Refusal error={error} />
      {!done && all.length >= PAGE && <div class="table-more"><Button busy={busy} test="older" onClick={() => void more()}>{t("events.more")}</Button></div>}
    </Panel>
  );
}

/** What has been read since the page opened: a page of newest events must not push away what one reads. */
function useSeen(latest: EventRow[]): EventRow[] {
  const [seen, setSeen] = useState<EventRow[]>([]);
  useEffect(() => setSeen((old) => merged(latest, old)), [latest]);
  return merged(latest, seen);
}

/** Traps that came since `latest` was read: shown at once, replaced by what is stored. */
function useNews(latest: EventRow[] | undefined): EventRow[] {
  const [news, setNews] = useState<EventRow[]>([]);
  useEffect(() => setNews([]), [latest]);
  useEffect(() => onTrap((event) => setNews((old) => [{ ...event, id: -old.length - 1 }, ...old])), []);
  return news;
}

function merged(a: readonly EventRow[], b: readonly EventRow[]): EventRow[] {
  const rows = new Map([...b, ...a].map((row) => [row.id, row]));
  return [...rows.values()].sort((x, y) => y.id - x.id);
}
