import type { ComponentChildren } from "preact";
import { t } from "../i18n/console.ts";
import type { may } from "../session.ts";
import { Booking } from "../desk/booking.tsx";
import { Calendar } from "../desk/calendar.tsx";
import { Detail } from "../desk/detail.tsx";
import { LiveBoard } from "../desk/live_board.tsx";
import { Report } from "../desk/report.tsx";
import { d } from "../i18n/desk.ts";
import { u } from "../i18n/upkeep.ts";
import { AvailabilityPage } from "./availability.tsx";
import { Accounts } from "./accounts.tsx";
import { Device } from "./device.tsx";
import { Devices } from "./devices.tsx";
import { Discovery } from "./discovery.tsx";
import { Events } from "./events.tsx";
import { Home } from "./home.tsx";
import { Links } from "./links.tsx";
import { Maintenance } from "./maintenance.tsx";
import { Playbooks } from "./playbooks.tsx";
import { RunPage } from "./run.tsx";
import { Sites } from "./sites.tsx";
import { TopologyPage } from "./topology/page.tsx";

interface Page {
  needs: Parameters<typeof may>[0];
  title: () => string;
  show: () => ComponentChildren;
}

type Route = [pattern: RegExp, page: (...parts: string[]) => Page];

const ROUTES: Route[] = [
  [/^\/$/, () => ({ needs: "read", title: () => t("home.title"), show: () => <Home /> })],
  [/^\/thiet-bi$/, () => ({ needs: "read", title: () => t("devices.title"), show: () => <Devices /> })],
  [/^\/thiet-bi\/phat-hien$/, () => ({ needs: "read", title: () => t("found.title"), show: () => <Discovery /> })],
  [/^\/thiet-bi\/([^/]+)$/, (id) => ({ needs: "read", title: () => t("devices.title"), show: () => <Device key={id} id={id!} /> })],
  [/^\/so-do$/, () => ({ needs: "read", title: () => t("map.title"), show: () => <TopologyPage /> })],
  [/^\/duong-truyen$/, () => ({ needs: "read", title: () => t("links.title"), show: () => <Links /> })],
  [/^\/bao-tri$/, () => ({ needs: "read", title: () => u("maintenance"), show: () => <Maintenance /> })],
  [/^\/bao-cao$/, () => ({ needs: "read", title: () => u("availability"), show: () => <AvailabilityPage /> })],
  [/^\/su-kien$/, () => ({ needs: "read", title: () => t("events.title"), show: () => <Events /> })],
  [/^\/kich-ban$/, () => ({ needs: "read", title: () => t("playbooks.title"), show: () => <Playbooks /> })],
  [/^\/kich-ban\/(\d+)$/, (id) => ({ needs: "read", title: () => t("run.title", { id: id! }), show: () => <RunPage key={id} id={id!} /> })],
  [/^\/diem-cau$/, () => ({ needs: "read", title: () => t("sites.title"), show: () => <Sites /> })],
  [/^\/tai-khoan$/, () => ({ needs: "administer", title: () => t("accounts.title"), show: () => <Accounts /> })],
  [/^\/hop$/, () => ({ needs: "read", title: () => d("title"), show: () => <Calendar /> })],
  [/^\/hop\/moi$/, () => ({ needs: "host", title: () => d("book"), show: () => <Booking /> })],
  [/^\/hop\/(\d+)$/, (id) => ({ needs: "read", title: () => d("title"), show: () => <Detail key={id} id={id!} /> })],
  [/^\/hop\/(\d+)\/sua$/, (id) => ({ needs: "host", title: () => d("edit.title"), show: () => <Booking key={id} id={id} /> })],
  [/^\/hop\/(\d+)\/dieu-hanh$/, (id) => ({ needs: "host", title: () => d("live.title"), show: () => <LiveBoard key={id} id={id!} /> })],
  [/^\/hop\/(\d+)\/bao-cao$/, (id) => ({ needs: "read", title: () => d("report.title"), show: () => <Report key={id} id={id!} /> })],
];

/** The page of a path, or undefined. A trailing slash is the same page. */
export function pageAt(path: string): Page | undefined {
  const plain = path.length > 1 ? path.replace(/\/+$/, "") : path;
  for (const [pattern, page] of ROUTES) {
    const match = pattern.exec(plain);
    if (!match) continue;
    try {
      return page(...match.slice(1).map(decodeURIComponent));
    } catch {
      return undefined; // a malformed %-escape
    }
  }
  return undefined;
}
