import { useEffect, useState } from "preact/hooks";
import { type ApiError, type PeerReport, type PeerRow, api } from "../api.ts";
import { byName, number, percent, rate } from "../format.ts";
import { errorSentence } from "../i18n/common.ts";
import { d } from "../i18n/desk.ts";
import { reasonClause } from "../i18n/reasons.ts";
import { useResource } from "../resource.ts";
import { Empty, Loading, Name, Panel } from "../ui/basics.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { type Verdict, verdictOf } from "./verdict.ts";

/** Between two readings. */
const EVERY_MS = 3_000;

/** How each seat's road is, for the technician beside the host; read only while it is open. */
export function Quality({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  return (
    <details class="quality" data-test="quality" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{d("quality")}</summary>
      {open && <Seats id={id} />}
    </details>
  );
}

function Seats({ id }: { id: string }) {
  const resource = useResource<PeerRow[]>(`/conferences/${encodeURIComponent(id)}/peers`);
  const [shown, setShown] = useState<PeerRow | null>(null);
  useEffect(() => {
    const timer = setInterval(resource.reload, EVERY_MS);
    return () => clearInterval(timer);
  }, [resource.reload]);
  if (!resource.data) return resource.error ? <p class="quiet">{errorSentence(resource.error.code)}</p> : <Loading />;
  if (resource.data.length === 0) return <Empty title={d("quality.none")} />;
  return (
    <>
      <Table label={d("quality")} columns={columns(setShown)} rows={resource.data} rowKey={(row) => row.participant} order="chat-luong" test="quality-table" low />
      {shown && <Detail id={id} row={shown} onClose={() => setShown(null)} />}
    </>
  );
}


const ms = (value: number | undefined) => (value === undefined ? "–" : `${number(Math.round(value))} ms`);
const RANK: Record<Verdict, number> = { gone: 0, bad: 1, fair: 2, good: 3 };

function columns(show: (row: PeerRow) => void): Column<PeerRow>[] {
  return [
    {
      key: "site", label: d("quality.site"), wide: true, compare: (a, b) => byName(a.site_name, b.site_name),
      cell: (row) => (
        <>
          <button type="button" class="link" data-test="quality-open" onClick={() => show(row)}><Name>{row.site_name}</Name></button>
          {row.name !== row.site_name && <span class="under"><Name>{row.name}</Name></span>}
          {row.kind !== "person" && <> <span class="tag device">{d(`quality.kind.${row.kind}`)}</span></>}
        </>
      ),
    },
    {
      key: "verdict", label: d("quality.verdict"), wide: true, compare: (a, b) => RANK[verdictOf(a)] - RANK[verdictOf(b)],
      cell: (row) => {
        const verdict = verdictOf(row);
        return <span data-test="quality-verdict" data-verdict={verdict}><span class={`tag verdict-${verdict}`}>{d(`quality.${verdict}`)}</span>{row.lowered && <span class="quiet small"> {reasonClause(row.lowered)}</span>}</span>;
      },
    },
    { key: "rtt", label: d("quality.rtt"), numeric: true, compare: (a, b) => (a.rtt_ms ?? 0) - (b.rtt_ms ?? 0), cell: (row) => ms(row.rtt_ms) },
    { key: "up", label: d("quality.up"), numeric: true, compare: (a, b) => a.up_bps - b.up_bps, cell: (row) => rate(row.up_bps) },
    { key: "lossUp", label: d("quality.loss_up"), numeric: true, compare: (a, b) => a.loss_up_percent - b.loss_up_percent, cell: (row) => percent(row.loss_up_percent) },
    { key: "fpsUp", label: d("quality.fps_up"), numeric: true, compare: (a, b) => a.fps_up - b.fps_up, cell: (row) => number(Math.round(row.fps_up)) },
    { key: "down", label: d("quality.down"), numeric: true, compare: (a, b) => a.down_bps - b.down_bps, cell: (row) => rate(row.down_bps) },
    { key: "lossDown", label: d("quality.loss_down"), numeric: true, compare: (a, b) => a.loss_down_percent - b.loss_down_percent, cell: (row) => percent(row.loss_down_percent) },
    { key: "fpsDown", label: d("quality.fps_down"), numeric: true, compare: (a, b) => a.fps_down - b.fps_down, cell: (row) => number(Math.round(row.fps_down)) },
    { key: "estimate", label: d("quality.estimate"), numeric: true, compare: (a, b) => a.estimate_bps - b.estimate_bps, cell: (row) => rate(row.estimate_bps) },
  ];
}

const LAYERS = ["l", "m", "h"] as const;

/** What a stream carries; which of its layers only where there are several. Those of a screen differ in how many pictures they have. */
function streamName(report: PeerReport, one: PeerReport["up"][number]): string {
  const layers = report.up.filter((other) => other.track === one.track && other.kind === one.kind).length;
  const layer = one.track === "slides" ? (one.layer === 0 ? "few" : "many") : LAYERS[one.layer] ?? "h";
  const codec = one.codec === "opus" ? "Opus" : one.codec;
  return `${d(`quality.${one.track}.${one.kind}`)}${layers > 1 ? ` ${d(`quality.layer.${layer}`)}` : ""} · ${codec}`;
}

function Detail({ id, row, onClose }: { id: string; row: PeerRow; onClose: () => void }) {
  const [report, setReport] = useState<PeerReport>();
  const [error, setError] = useState<string>();
  useEffect(() => {
    let alive = true;
    const read = () =>
      api.get<PeerReport>(`/conferences/${encodeURIComponent(id)}/peers/${row.participant}`).then(
        (value) => alive && setReport(value),
        (cause: ApiError) => alive && setError(cause.code),
      );
    void read();
    const timer = setInterval(() => void read(), EVERY_MS);
    return () => {
      alive = false;
      clearInterval(timer);
    };
  }, [id, row.participant]);
  return (
    <Dialog title={row.site_name} onClose={onClose} wide test="quality-detail">
      {error && <p class="banner degraded">{errorSentence(error)}</p>}
      {!report ? !error && <Loading /> : (
        <div class="stack">
          <dl class="facts">
            <dt>{d("quality.network")}</dt><dd class="num">{report.address ?? "–"}{report.transport && ` · ${d(`quality.by.${report.transport}`)}`}</dd>
            <dt>{d("quality.rtt")}</dt><dd class="num">{ms(report.rtt_ms)}</dd>
            <dt>{d("quality.estimate")}</dt><dd class="num">{rate(report.estimate_bps)}</dd>
            {report.copies && <><dt>{d("quality.audio")}</dt><dd>{d("quality.copies")}</dd></>}
            {report.lowered && <><dt>{d("quality.lowered")}</dt><dd>{reasonClause(report.lowered)}</dd></>}
          </dl>
          <Panel title={d("quality.sends")} flush>
            <Lines
              label={d("quality.sends")}
              head={[d("quality.what"), d("quality.rate"), d("quality.fps"), d("quality.lost"), d("quality.jitter"), d("quality.repaired"), d("quality.keyframes")]}
              rows={report.up.map((one) => [
                streamName(report, one),
                rate(one.bps), one.kind === "video" ? number(Math.round(one.fps)) : "–", `${number(Math.round(one.lost))}/${number(Math.round(one.packets))}`, ms(one.jitter_ms),
                one.recovered > 0 ? d("quality.recovered", { n: number(one.recovered) }) : `${number(Math.round(one.repaired))}/${number(Math.round(one.nacked))}`, one.kind === "video" ? `${number(Math.round(one.keyframes))}/${number(Math.round(one.keyframes_asked))}` : "–",
              ])}
            />
          </Panel>
          <Panel title={d("quality.receives")} flush>
            <Lines
              label={d("quality.receives")}
              words={2}
              head={[d("quality.what"), d("quality.from"), d("quality.rate"), d("quality.fps"), d("quality.lost"), d("quality.jitter"), d("quality.repaired")]}
              rows={report.down.filter((one) => one.shown !== undefined).map((one) => [
                one.kind === "audio" ? d("quality.audio") : one.slot === 0 ? d("quality.large") : d("quality.tile", { n: one.slot }),
                one.shown_name ?? "–", rate(one.bps), one.kind === "video" ? number(Math.round(one.fps)) : "–", `${number(Math.round(one.lost))}/${number(Math.round(one.packets))}`, ms(one.jitter_ms),
                `${number(Math.round(one.repeated))}/${number(Math.round(one.nacked))}`,
              ])}
            />
          </Panel>
          {Object.keys(report.drops).length > 0 && <p class="quiet small">{d("quality.drops", { list: Object.entries(report.drops).map(([reason, n]) => `${reason} ${n}`).join(", ") })}</p>}
        </div>
      )}
    </Dialog>
  );
}

/** The first `words` columns are words, the others numbers. */
function Lines({ label, head, rows, words = 1 }: { label: string; head: string[]; rows: string[][]; words?: number }) {
  const kind = (place: number) => (place < words ? "word" : "num");
  if (rows.length === 0) return <p class="quiet roll-none">{d("quality.nothing")}</p>;
  return (
    <div class="lines-scroll" tabIndex={0} role="region" aria-label={label}>
      <table class="lines">
        <thead><tr>{head.map((text, place) => <th key={text} scope="col" class={kind(place)}>{text}</th>)}</tr></thead>
        <tbody>{rows.map((row, index) => <tr key={index}>{row.map((text, place) => <td key={place} class={kind(place)}><bdi>{text}</bdi></td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}
