import type { Availability as Row, AvailabilityReport } from "../api.ts";
import { byName, date, dateTime, duration, fieldDate } from "../format.ts";
import { formatNumber } from "../i18n/index.ts";
import { reasonSentence } from "../i18n/reasons.ts";
import { u } from "../i18n/upkeep.ts";
import { useResource } from "../resource.ts";
import { Link, useQuery } from "../router.tsx";
import { matches } from "../search.ts";
import { Empty, Failure, Loading, Name, PageHead, Panel } from "../ui/basics.tsx";
import { Choice, FilterBox, Select } from "../ui/forms.tsx";
import { type Column, Table } from "../ui/table.tsx";

/** Months that can be chosen, the running one first. */
const MONTHS = 13;

/** Two decimals, three from 99,9 % on: there the nines are what is read. Rounded down, because 100 % means never down. */
export function availabilityPercent(value: number | undefined): string {
  if (value === undefined) return "–";
  const digits = value >= 99.9 ? 1_000 : 100;
  return `${formatNumber(Math.floor(value * digits) / digits, digits === 1_000 ? 3 : 2)}\u00a0%`;
}

const short = (seconds: number) => (seconds === 0 ? "–" : duration(seconds));

function months(): string[] {
  const [year, month] = fieldDate(new Date()).split("-").map(Number) as [number, number];
  return Array.from({ length: MONTHS }, (_, back) => {
    const index = year * 12 + month - 1 - back;
    return `${Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, "0")}`;
  });
}

function place(row: Row): string | undefined {
  if (row.kind === "device") return `/thiet-bi/${encodeURIComponent(row.subject)}`;
  if (row.kind !== "link") return undefined;
  const cut = row.subject.indexOf("/");
  return `/thiet-bi/${encodeURIComponent(row.subject.slice(0, cut))}?cong=${encodeURIComponent(row.subject.slice(cut + 1))}`;
}

function sentence(rows: Row[]): string {
  const down = rows.filter((row) => row.down_seconds > 0).sort((a, b) => b.down_seconds - a.down_seconds);
  const worst = down[0];
  if (!worst) return u("availability.sentence.all", { n: rows.length });
  return u("availability.sentence", { down: down.length, n: rows.length, name: worst.name, duration: duration(worst.down_seconds), faults: worst.faults });
}

const COLUMNS: () => Column<Row>[] = () => [
  {
    key: "ten", label: u("availability.name"), wide: true, compare: (a, b) => byName(a.name, b.name),
    cell: (row) => {
      const to = place(row);
      return to ? <Link href={to} class="strong"><Name>{row.name}</Name></Link> : <b><Name>{row.name}</Name></b>;
    },
  },
  { key: "san-sang", label: u("availability.percent"), numeric: true, cell: (row) => <b>{availabilityPercent(row.percent)}</b>, compare: (a, b) => (a.percent ?? 101) - (b.percent ?? 101) },
  {
    key: "ngung", label: u("availability.down"), numeric: true, compare: (a, b) => a.down_seconds - b.down_seconds,
    cell: (row) => <>{short(row.down_seconds)}{row.faults > 0 && <span class="under">{u("availability.faults", { n: row.faults, duration: duration(row.longest_seconds) })}</span>}</>,
  },
  { key: "bao-tri", label: u("availability.planned"), numeric: true, cell: (row) => short(row.planned_seconds), compare: (a, b) => a.planned_seconds - b.planned_seconds },
  {
    key: "chua-ro", label: u("availability.unknown"), numeric: true, compare: (a, b) => a.unknown_seconds + a.behind_seconds - b.unknown_seconds - b.behind_seconds,
    cell: (row) => <>{short(row.unknown_seconds + row.behind_seconds)}{row.behind_seconds > 0 && <span class="under">{u("availability.behind", { duration: duration(row.behind_seconds) })}</span>}</>,
  },
  {
    key: "nguyen-nhan", label: u("availability.causes"), wide: true,
    cell: (row) => row.causes.slice(0, 3).map((cause, index) => <span key={index} class="under">{reasonSentence(cause.reason)} · {duration(cause.seconds, 1)}</span>),
  },
];

export function AvailabilityPage() {
  const all = months();
  const [month, setMonth] = useQuery("thang", all[0]);
  const [kind, setKind] = useQuery("loai", "site");
  const [query, setQuery] = useQuery("tim");
  const report = useResource<AvailabilityReport>(`/availability?month=${month}&kind=${kind}`);
  const rows = report.data?.rows ?? [];
  const shown = rows.filter((row) => matches(query, row.name));
  const file = (ending: string) => `/api/v1/availability.${ending}?month=${month}&kind=${kind}`;
  return (
    <>
      <PageHead title={u("availability")} sub={report.data && u("availability.sub", { from: date(report.data.from), to: dateTime(report.data.to) })}>
        <a class="button plain" href={file("csv")} download data-test="csv">CSV</a>
        <a class="button plain" href={file("xlsx")} download data-test="xlsx">Excel</a>
      </PageHead>
      <div class="toolbar">
        <Choice value={kind} onChange={setKind} label={u("availability.kind")} test="availability-kind" options={[["site", u("availability.kind.site")], ["link", u("availability.kind.link")], ["device", u("availability.kind.device")]]} />
        <Select value={month} onChange={setMonth} label={u("availability.month")} test="availability-month" options={all.map((one) => [one, one.split("-").reverse().join("/")] as const)} />
        <FilterBox value={query} onInput={setQuery} placeholder={u("availability.filter")} />
      </div>
      {!report.data
        ? report.error ? <Failure error={report.error} retry={report.reload} /> : <Loading rows={8} />
        : rows.length === 0
          ? <Panel><Empty title={u("availability.none")}>{u("availability.none.sub")}</Empty></Panel>
          : (
            <>
              <p class="lead" data-test="availability-sentence">{sentence(rows)}</p>
              <p class="quiet lead-note">{u("availability.note")}</p>
              <Panel flush><Table label={u("availability")} columns={COLUMNS()} rows={shown} rowKey={(row) => row.subject} test="availability" /></Panel>
            </>
          )}
    </>
  );
}

/** One subject's month in a sentence, for its own page. */
export function AvailabilityHere({ kind, subject }: { kind: Row["kind"]; subject: string }) {
  const report = useResource<AvailabilityReport>(`/availability?kind=${kind}&subject=${encodeURIComponent(subject)}`);
  if (!report.data) return null;
  const row = report.data.rows[0];
  const said =
    row?.percent === undefined ? u("availability.here.none")
    : row.down_seconds === 0 ? u("availability.here.well", { percent: availabilityPercent(row.percent) })
    : u("availability.here", { percent: availabilityPercent(row.percent), duration: duration(row.down_seconds), faults: row.faults });
  return <p class="quiet availability-here" data-test="availability-here">{said} <Link href={`/bao-cao?loai=${kind}`}>{u("availability.link")}</Link></p>;
}
