import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import type { Session } from "../api.ts";
import { useCell } from "../cell.ts";
import { timeWithSeconds } from "../format.ts";
import { common } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { u } from "../i18n/upkeep.ts";
import { brokenSince } from "../live.ts";
import { Link, place } from "../router.tsx";
import { may, signOut } from "../session.ts";
import { Button, Empty, Name, PageHead } from "../ui/basics.tsx";
import { Brand } from "../ui/brand.tsx";
import { Switches } from "../ui/switches.tsx";
import { pageAt } from "./pages.tsx";

interface Entry {
  href: string;
  label: string;
  here: (path: string) => boolean;
  test: string;
}

const below = (root: string) => (path: string) => path === root || path.startsWith(`${root}/`);

function entries(): [string, Entry[]][] {
  const groups: [string, Entry[]][] = [
    [t("nav.operate"), [
      { href: "/", label: t("nav.home"), here: (path) => path === "/", test: "nav-home" },
      { href: "/thiet-bi", label: t("nav.devices"), here: below("/thiet-bi"), test: "nav-devices" },
      { href: "/so-do", label: t("nav.map"), here: below("/so-do"), test: "nav-map" },
      { href: "/duong-truyen", label: t("nav.links"), here: below("/duong-truyen"), test: "nav-links" },
      { href: "/su-kien", label: t("nav.events"), here: below("/su-kien"), test: "nav-events" },
      { href: "/bao-tri", label: u("maintenance"), here: below("/bao-tri"), test: "nav-maintenance" },
      { href: "/bao-cao", label: u("availability"), here: below("/bao-cao"), test: "nav-availability" },
      { href: "/kich-ban", label: t("nav.playbooks"), here: below("/kich-ban"), test: "nav-playbooks" },
    ]],
    [t("nav.meet"), [
      { href: "/hop", label: t("nav.desk"), here: (path) => below("/hop")(path) && path !== "/hop/moi", test: "nav-desk" },
      ...(may("host") ? [{ href: "/hop/moi", label: t("nav.book"), here: below("/hop/moi"), test: "nav-book" }] : []),
    ]],
    [t("nav.manage"), [
      { href: "/diem-cau", label: t("nav.sites"), here: below("/diem-cau"), test: "nav-sites" },
      ...(may("administer") ? [{ href: "/tai-khoan", label: t("nav.accounts"), here: below("/tai-khoan"), test: "nav-accounts" }] : []),
    ]],
  ];
  return groups;
}

/** The frame of console and desk: navigation at the left (behind a button on narrow screens), the page at the right. */
export function Shell({ session }: { session: Session }) {
  const { path } = useCell(place);
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [path]);
  const page = pageAt(path);
  useEffect(() => {
    document.title = page ? `${page.title()} · ${common("brand")}` : common("brand");
  });
  return (
    <div class="shell">
      <a class="skip" href="#page">{common("skip")}</a>
      <header class="bar">
        <button type="button" class="icon-button menu-button" aria-expanded={open} aria-controls="nav" aria-label={t("nav.menu")} data-test="menu" onClick={() => setOpen(!open)}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M2 4h12M2 8h12M2 12h12" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" /></svg>
        </button>
        <Link href="/" class="brand-link"><Brand /></Link>
      </header>
      {open && <div class="veil" onClick={() => setOpen(false)} />}
      <nav id="nav" class={open ? "side open" : "side"} aria-label={t("nav")}>
        <Link href="/" class="brand-link"><Brand /></Link>
        {session.lab && <p class="lab" title={common("lab.hint")} data-test="lab">{common("lab")}</p>}
        <div class="side-groups">
          {entries().map(([title, group]) => (
            <div key={title} class="side-group">
              <p class="side-title">{title}</p>
              {group.map((entry) => (
                <Link key={entry.href} href={entry.href} class="side-link" current={entry.here(path)} test={entry.test}>{entry.label}</Link>
              ))}
            </div>
          ))}
        </div>
        <div class="side-foot">
          <Switches />
          <div class="who">
            <b><Name>{session.account?.display_name}</Name></b>
            <span>{session.account && t(`account.role.${session.account.role}`)}</span>
            <Button kind="quiet" onClick={() => void signOut()} test="sign-out">{t("signout")}</Button>
          </div>
        </div>
      </nav>
      <main id="page" class="page" tabIndex={-1}>
        <Stale />
        {page ? <Allowed needs={page.needs}>{page.show()}</Allowed> : <NotFound />}
      </main>
    </div>
  );
}

function Allowed({ needs, children }: { needs: Parameters<typeof may>[0]; children: ComponentChildren }) {
  if (may(needs)) return <>{children}</>;
  return <Empty title={t("forbidden.title")}>{t("forbidden.text")}</Empty>;
}

function NotFound() {
  return (
    <>
      <PageHead title={t("not_found.title")} />
      <Empty title={t("not_found.text")}><Link href="/" class="button plain">{t("not_found.home")}</Link></Empty>
    </>
  );
}

/** Longest interruption that goes unmentioned, milliseconds: a restart of the daemon takes less. */
const QUIET_MS = 3_000;

function Stale() {
  const broken = useCell(brokenSince);
  const [shown, show] = useState(false);
  useEffect(() => {
    show(false);
    if (broken === null) return;
    const timer = setTimeout(() => show(true), QUIET_MS);
    return () => clearTimeout(timer);
  }, [broken]);
  if (broken === null || !shown) return null;
  return <p class="banner degraded" role="status" data-test="stale">{common("stale", { time: timeWithSeconds(broken) })}</p>;
}
