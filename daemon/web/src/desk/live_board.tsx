import type { Command, ConferenceDetail } from "../api.ts";
import { Roll } from "../board/board.tsx";
import { Conduct, Floor } from "../board/conduct.tsx";
import { span, timeWithSeconds } from "../format.ts";
import { errorSentence } from "../i18n/common.ts";
import { d } from "../i18n/desk.ts";
import { useResource } from "../resource.ts";
import { Link } from "../router.tsx";
import { Empty, Loading, Name, PageHead, Panel } from "../ui/basics.tsx";
import { say } from "../ui/dialog.tsx";
import { StateTag } from "./calendar.tsx";
import { absolute } from "./links.tsx";
import { Quality } from "./quality.tsx";
import { useDesk } from "./desk_socket.ts";

/** Who is missing and why? The host's second screen. */
export function LiveBoard({ id }: { id: string }) {
  const conference = useResource<ConferenceDetail>(`/conferences/${encodeURIComponent(id)}`, ["conferences"]).data;
  const desk = useDesk(id, (code) => say(errorSentence(code), true));
  const send = (command: Command) => {
    if (!desk.send(command)) say(d("live.not_sent"), true);
  };
  const { board } = desk;
  return (
    <>
      <PageHead
        title={conference ? <Name>{conference.title}</Name> : d("live.title")}
        sub={conference && <><StateTag state={board?.state ?? conference.state} /> <span class="num">{span(conference.starts_at, conference.ends_at)}</span></>}
      >
        {conference?.host_link && <a class="button primary" href={absolute(conference.host_link)} target="_blank" rel="noopener noreferrer" data-test="open-room">{d("detail.open")}</a>}
        <Link href={`/hop/${id}`} class="button plain">{d("live.back")}</Link>
      </PageHead>
      {desk.lostAt && <p class="banner degraded" role="status" data-test="desk-lost">{d("live.lost", { time: timeWithSeconds(desk.lostAt) })}</p>}
      {desk.ended
        ? <Empty title={d("live.ended")}><Link href={`/hop/${id}/bao-cao`} class="button primary" test="to-report">{d("report.title")}</Link></Empty>
        : !board
          ? desk.refused ? <Empty title={errorSentence(desk.refused)} /> : <><p class="quiet" role="status">{d("live.connecting")}</p><Loading /></>
          : (
            <>
              <div class="desk-live">
                <div class="desk-live-left">
                  <Panel><Conduct board={board} send={send} /></Panel>
                  <Panel><Floor board={board} send={send} /></Panel>
                </div>
                <Panel><Roll board={board} send={send} /></Panel>
              </div>
              <div class="desk-live-whole"><Panel><Quality id={id} /></Panel></div>
            </>
          )}
    </>
  );
}
