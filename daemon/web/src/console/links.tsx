import type { LinkReport, LinkRow } from "../api.ts";
import { byName, percent, rate } from "../format.ts";
import { t } from "../i18n/console.ts";
import { useResource } from "../resource.ts";
import { Link, useQuery } from "../router.tsx";
import { matches } from "../search.ts";
import { Button, Empty, Failure, HealthMark, Loading, Name, PageHead, Panel, Reasons } from "../ui/basics.tsx";
import { FilterBox } from "../ui/forms.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { HealthFilter } from "./health_filter.tsx";
import { withoutStaleLoad } from "./link_load.ts";
import { LinkReportPanel, ShareCell, reportColumn } from "./link_report.tsx";
import { MaintenanceMark } from "./maintenance_mark.tsx";
import { LoadBar } from "./load_bar.tsx";
import { byHealth, byNumber } from "./order.ts";
import { SiteNames } from "./site_names.tsx";

function End({ end, more }: { end: { device?: string; name: string; interface: string }; more?: string }) {
  return (
    <>
      {end.device ? <Link href={`/thiet-bi/${encodeURIComponent(end.device)}?cong=${encodeURIComponent(end.interface)}`} class="strong"><Name>{end.name}</Name></Link> : <b><Name>{end.name}</Name></b>}
      <span class="under"><Name>{end.interface}</Name>{more && ` · ${more}`}</span>
    </>
  );
}

/** The rate of the fuller direction, bits per second. */
function busier({ in_bps, out_bps }: LinkRow): number | undefined {
  return in_bps === undefined ? out_bps : Math.max(in_bps, out_bps ?? 0);
}

export function Links() {
  const links = useResource<LinkRow[]>("/links", ["links"]);
  const [query, setQuery] = useQuery("tim");
  const [health, setHealth] = useQuery("tinh-trang");
  const report = useResource<LinkReport>("/links/report", ["links"]).data;
  const uses = new Map(report?.links.map((use) => [use.id, use]));
  const all = links.data;
  const found = all?.filter((row) => matches(query, row.a.name, row.a.interface, row.b?.name, row.b?.interface, ...row.sites)) ?? [];
  // Ill links first; the order of the address, if any, sorts these again.
  const shown = found.filter((row) => health === "" || row.health === health).map(withoutStaleLoad).sort(byHealth);
  const columns: Column<LinkRow>[] = [
    { key: "tu", label: t("link.from"), wide: true, cell: (row) => <End end={row.a} />, compare: (a, b) => byName(a.a.name + a.a.interface, b.a.name + b.a.interface) },
    { key: "den", label: t("link.to"), wide: true, cell: (row) => (row.b ? <End end={row.b} more={t(`link.source.${row.source}`)} /> : <span class="quiet">{t(`link.source.${row.source}`)}</span>), compare: (a, b) => byName(a.b?.name ?? "", b.b?.name ?? "") },
    { key: "tinh-trang", label: t("device.health"), cell: (row) => <><HealthMark health={row.health} /> <MaintenanceMark window={row.maintenance} /><Reasons reasons={row.reasons} /></>, compare: byHealth },
    { key: "tai", label: t("link.load"), numeric: true, cell: (row) => <span class="load-cell"><span><b>{percent(row.load_percent)}</b> / {rate(row.capacity_bps)}</span><LoadBar percent={row.load_percent} health={row.health} /></span>, compare: (a, b) => byNumber(a.load_percent, b.load_percent) },
    {
      key: "luu-luong", label: t("link.traffic"), numeric: true,
      cell: (row) => <span class="in-out"><span>{t("interface.in")}</span><span>{rate(row.in_bps)}</span><span>{t("interface.out")}</span><span>{rate(row.out_bps)}</span></span>,
      compare: (a, b) => byNumber(busier(a), busier(b)),
    },
    ...(report ? [{
      key: "p95", label: reportColumn(report), numeric: true,
      cell: (row: LinkRow) => <ShareCell use={uses.get(row.id)} report={report} />,
      compare: (a: LinkRow, b: LinkRow) => byNumber(uses.get(a.id)?.share_percent, uses.get(b.id)?.share_percent),
    }] : []),
    { key: "diem-cau", label: t("link.sites"), wide: true, cell: (row) => <SiteNames sites={row.sites} /> },
  ];
  return (
    <>
      <PageHead title={t("links.title")} sub={all && t("links.sub", { n: all.length })} />
      {!all
        ? links.error ? <Failure error={links.error} retry={links.reload} /> : <Loading rows={8} />
        : all.length === 0
          ? <Panel><Empty title={t("links.none")}>{t("links.none.sub")}</Empty></Panel>
          : (
            <>
              {report && <LinkReportPanel report={report} />}
              <div class="toolbar">
                <FilterBox value={query} onInput={setQuery} placeholder={t("links.filter")} />
                <HealthFilter rows={found} value={health} onChange={setHealth} />
              </div>
              {shown.length === 0
                ? <Panel><Empty title={t("links.no_match")}><Button onClick={() => { setQuery(""); setHealth(""); }}>{t("devices.clear")}</Button></Empty></Panel>
                : <Panel flush><Table label={t("links.title")} columns={columns} rows={shown} rowKey={(row) => row.id} rowClass={(row) => `row-${row.health}`} test="links" /></Panel>}
            </>
          )}
    </>
  );
}
