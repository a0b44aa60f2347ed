import type { LinkReport, LinkUse } from "../api.ts";
import { duration, percent } from "../format.ts";
import { harmless } from "../i18n/index.ts";
import { u } from "../i18n/upkeep.ts";
import { Name, Panel } from "../ui/basics.tsx";

/** Links drawn in the chart, and named in a sentence. */
const DRAWN_MAX = 8;
const NAMED_MAX = 5;
/** Growth below this is no news, percent. */
const GROWTH_TOLD = 20;
/** From here on the table does not say how many samples there are, percent. */
const COVERED_WELL = 95;

const nameOf = (link: LinkUse) => harmless(link.sites.length === 1 ? link.sites[0]! : `${link.a.name} ${link.a.interface}`);

const windowOf = (report: LinkReport) => duration((Date.parse(report.to) - Date.parse(report.from)) / 1000, 1);

function sentence(report: LinkReport): string {
  const measured = report.links.filter((link) => link.share_percent !== undefined);
  if (measured.length === 0) return u("report.sentence.none", { minutes: Math.round(report.interval_seconds / 60) });
  const over = measured.filter((link) => link.over);
  const terms = { share: report.share_percent_max, percentile: report.percentile, window: windowOf(report) };
  if (over.length === 0) return u("report.sentence.well", terms);
  const names = over.slice(0, NAMED_MAX).map((link) => `${nameOf(link)} (${percent(link.share_percent)})`);
  return u("report.sentence.over", { ...terms, n: over.length, names: names.join(", ") + (over.length > NAMED_MAX ? " …" : "") });
}

const growth = (link: LinkUse) => Math.max(link.in.growth_percent ?? 0, link.out.growth_percent ?? 0);

/** The weekly account: a sentence, then the fullest links as bars against the rule's share. */
export function LinkReportPanel({ report }: { report: LinkReport }) {
  const drawn = report.links.filter((link) => link.share_percent !== undefined).slice(0, DRAWN_MAX);
  const covered = report.links.map((link) => Math.max(link.in.coverage_percent, link.out.coverage_percent));
  const coverage = covered.length === 0 ? 0 : covered.reduce((sum, one) => sum + one, 0) / covered.length;
  const grown = [...report.links].sort((a, b) => growth(b) - growth(a))[0];
  const over = report.links.some((link) => link.over);
  return (
    <Panel
      title={u("report.title")} test="link-report"
      aside={<span class="actions"><a class="button plain" href="/api/v1/links/report.csv" download data-test="csv">CSV</a><a class="button plain" href="/api/v1/links/report.xlsx" download data-test="xlsx">Excel</a></span>}
    >
      <p class={over ? "lead bad" : "lead"} data-test="report-sentence">{sentence(report)}</p>
      <p class="quiet">
        {u("report.coverage", { percent: percent(coverage), minutes: Math.round(report.interval_seconds / 60), window: windowOf(report) })}
        {grown && growth(grown) >= GROWTH_TOLD ? ` ${u("report.growth", { name: nameOf(grown), percent: `+${percent(growth(grown))}` })}` : ""}
      </p>
      {drawn.length > 0 && (
        <ul class="use-bars" aria-label={u("report.chart")}>
          {drawn.map((link) => (
            <li key={link.id}>
              <span class="use-name"><Name>{nameOf(link)}</Name></span>
              <span class={link.over ? "use-bar over" : "use-bar"} aria-hidden="true">
                <span style={{ width: `${Math.min(100, link.share_percent!)}%` }} />
                <i style={{ insetInlineStart: `${report.share_percent_max}%` }} />
              </span>
              <b class="num">{percent(link.share_percent)}</b>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

export const reportColumn = (report: LinkReport) => u("report.column", { percentile: report.percentile, window: windowOf(report) });

/** One link's share for the table, with what it rests on. */
export function ShareCell({ use, report }: { use: LinkUse | undefined; report: LinkReport }) {
  if (use?.share_percent === undefined) return <span class="quiet">–</span>;
  const coverage = Math.max(use.in.coverage_percent, use.out.coverage_percent);
  const notes = [
    ...(coverage < COVERED_WELL ? [u("report.samples", { percent: percent(coverage) })] : []),
    ...(use.capacity_source === "interface" ? [u("report.capacity.interface")] : []),
  ];
  return (
    <>
      <b>{percent(use.share_percent)}</b>{use.over && <span class="health-critical"> ■ {u("report.over", { share: report.share_percent_max })}</span>}
      {notes.length > 0 && <span class="under">{notes.join(" · ")}</span>}
    </>
  );
}
