import type { Conference, Health, Overview } from "../api.ts";
import { useNow } from "../clock.ts";
import { dateTime, dayName, percent, rate, time } from "../format.ts";
import { t } from "../i18n/console.ts";
import { reasonSentence } from "../i18n/reasons.ts";
import { useResource } from "../resource.ts";
import { Link } from "../router.tsx";
import { Empty, Failure, HealthMark, Loading, Name, PageHead, Panel } from "../ui/basics.tsx";
import { IncidentCard } from "./incident.tsx";
import { LoadBar } from "./load_bar.tsx";

/** Late polls of the last minutes as a share of the devices, above which it is the server or the network and no longer single devices. */
const LATE_SHARE = 0.1;
const WORST_FIRST: Health[] = ["critical", "degraded", "unknown", "ok"];

/** Is anything wrong now? */
export function Home() {
  const now = useNow();
  const overview = useResource<Overview>("/overview", ["overview", "incidents", "conferences"]);
  const { data, error } = overview;
  if (!data) return error ? <Failure error={error} retry={overview.reload} /> : <Loading rows={6} />;
  return (
    <>
      <PageHead title={t("home.title")} sub={`${dayName(now)} · ${time(now)}`} />
      <Verdict overview={data} />
      <div class="home">
        <div class="home-main">
          <Panel title={t("home.incidents")} test="incidents">
            {data.incidents.length === 0
              ? <Empty title={t("home.incidents.none")}>{t("home.incidents.none.sub")}</Empty>
              : <ul class="cards">{data.incidents.map((incident) => <li key={incident.id}><IncidentCard incident={incident} changed={overview.reload} /></li>)}</ul>}
          </Panel>
        </div>
        <div class="home-side">
          <Counts title={t("home.devices")} counts={data.health} href="/thiet-bi" />
          <Counts title={t("home.sites")} counts={data.sites} href="/diem-cau" />
          <Panel title={t("home.conferences")} test="next-conferences">
            {data.conferences.length === 0
              ? <p class="quiet">{t("home.conferences.none")}</p>
              : <ul class="list">{data.conferences.map((conference) => <li key={conference.id}><Next conference={conference} /></li>)}</ul>}
          </Panel>
          <Panel title={t("home.links")} test="links-near-full">
            {data.links_near_full.length === 0
              ? <p class="quiet">{t("home.links.none")}</p>
              : (
                <ul class="list">
                  {data.links_near_full.map((link) => (
                    <li key={link.id}>
                      <Link href={`/duong-truyen?tim=${encodeURIComponent(link.a.name)}`} class="row-link">
                        <span><Name>{link.a.name}</Name> · <Name>{link.a.interface}</Name></span>
                        <span class="num quiet">{percent(link.load_percent)} / {rate(link.capacity_bps)}</span>
                      </Link>
                      <LoadBar percent={link.load_percent} health={link.health} />
                    </li>
                  ))}
                </ul>
              )}
          </Panel>
          <p class="quiet small">{t("home.started", { time: dateTime(data.daemon.started_at) })}</p>
        </div>
      </div>
    </>
  );
}

/** The health line: one sentence on the whole province, then what the daemon says of itself. */
function Verdict({ overview }: { overview: Overview }) {
  const total = (counts: Record<Health, number>) => Object.values(counts).reduce((sum, n) => sum + n, 0);
  const critical = overview.incidents.filter((incident) => incident.health === "critical");
  const others = overview.incidents.filter((incident) => incident.health === "degraded").length || overview.health.degraded;
  const affected = new Set(critical.flatMap((incident) => incident.sites)).size;
  const [health, sentence, more]: [Health, string, string] =
    critical.length > 0
      ? ["critical", t("home.trouble.critical", { n: critical.length, sites: affected }), others > 0 ? t("home.trouble.degraded", { n: others }) : ""]
      : others > 0
        ? ["degraded", t("home.trouble.degraded", { n: others }), ""]
        : overview.health.unknown > 0
          ? ["unknown", t("home.unknown", { n: overview.health.unknown }), t("home.unknown.sub")]
          : ["ok", t("home.clear"), t("home.clear.sub", { devices: total(overview.health), sites: total(overview.sites) })];
  const { daemon } = overview;
  return (
    <>
      <div class={`verdict ${health}`} data-test="verdict" data-health={health} role="status">
        <HealthMark health={health} word={false} />
        <div><p class="verdict-sentence">{sentence}</p>{more && <p>{more}</p>}</div>
      </div>
      {!daemon.disk_ok && <p class="banner critical" role="alert">{t("home.disk")}</p>}
      {daemon.polls_late > total(overview.health) * LATE_SHARE && <p class="banner degraded">{t("home.polls_late", { n: daemon.polls_late })}</p>}
      {daemon.notices.map((notice, index) => <p key={index} class="banner degraded" data-test="notice">{reasonSentence(notice)}.</p>)}
    </>
  );
}

function Counts({ title, counts, href }: { title: string; counts: Record<Health, number>; href: string }) {
  return (
    <Panel title={<Link href={href}>{title}</Link>}>
      <ul class="counts">
        {WORST_FIRST.map((health) => (
          <li key={health}>
            <Link href={`${href}?tinh-trang=${health}`} class={counts[health] === 0 ? "count zero" : "count"}>
              <b class="num">{counts[health]}</b>
              <HealthMark health={health} />
            </Link>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function Next({ conference }: { conference: Conference }) {
  const live = conference.state === "live";
  return (
    <Link href={live ? `/hop/${conference.id}/dieu-hanh` : `/hop/${conference.id}`} class="next">
      <span class="next-time num">{dateTime(conference.starts_at)}</span>
      <span class="next-title"><Name>{conference.title}</Name></span>
      {live
        ? <span class="live-line"><span class="tag live">{t("home.live")}</span> {t("home.present", { joined: conference.joined, invited: conference.invited })}</span>
        : <span class="quiet">{t("sites.sub", { n: conference.invited })}</span>}
    </Link>
  );
}
