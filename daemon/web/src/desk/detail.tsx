import { type ApiError, type ConferenceDetail, api } from "../api.ts";
import { date, dayName, span, time } from "../format.ts";
import { d } from "../i18n/desk.ts";
import { useResource } from "../resource.ts";
import { Link, go } from "../router.tsx";
import { may } from "../session.ts";
import { Button, Failure, Loading, Name, PageHead, Panel } from "../ui/basics.tsx";
import { ask, say } from "../ui/dialog.tsx";
import { errorSentence } from "../i18n/common.ts";
import { StateTag } from "./calendar.tsx";
import { Devices } from "./devices.tsx";
import { Links } from "./links.tsx";

/** One conference: when, who, and the link of each. */
export function Detail({ id }: { id: string }) {
  const resource = useResource<ConferenceDetail>(`/conferences/${encodeURIComponent(id)}`, ["conferences"]);
  const conference = resource.data;
  if (!conference) return resource.error ? <Failure error={resource.error} retry={resource.reload} /> : <Loading />;
  const chair = conference.invitations.find((invitation) => invitation.site === conference.chair_site);
  const open = conference.state === "scheduled" || conference.state === "live";
  const cancel = async () => {
    if (!(await ask(d("detail.cancel.title"), d("detail.cancel.text", { n: conference.invitations.length }), d("detail.cancel")))) return;
    try {
      await api.remove(`/conferences/${conference.id}`);
      say(d("detail.cancelled", { title: conference.title }));
      go("/hop");
    } catch (error) {
      say(errorSentence((error as ApiError).code), true);
    }
  };
  return (
    <>
      <PageHead title={<Name>{conference.title}</Name>} sub={<><StateTag state={conference.state} /> <span class="num">{dayName(conference.starts_at)} · {time(conference.starts_at)} – {time(conference.ends_at)}</span></>}>
        {open && may("host") && <Link href={`/hop/${conference.id}/dieu-hanh`} class="button primary" test="to-live">{d("detail.live")}</Link>}
        <Link href={`/hop/${conference.id}/bao-cao`} class="button plain" test="to-report">{d("detail.report")}</Link>
        {open && may("host") && <Link href={`/hop/${conference.id}/sua`} class="button plain" test="edit">{d("detail.edit")}</Link>}
        {conference.state === "scheduled" && may("host") && <Button kind="danger" test="cancel-conference" onClick={() => void cancel()}>{d("detail.cancel")}</Button>}
      </PageHead>
      <div class="stack">
        <Panel>
          <dl class="facts">
            <dt>{d("detail.when")}</dt><dd class="num">{span(conference.starts_at, conference.ends_at)}</dd>
            <dt>{d("detail.chair")}</dt><dd><Name>{chair?.site_name ?? conference.chair_site}</Name></dd>
            <dt>{d("detail.invited")}</dt><dd>{d("sites", { n: conference.invited })}{conference.state === "live" && `, ${d("present", { joined: conference.joined, invited: conference.invited })}`}</dd>
            {conference.description && <><dt>{d("what.description")}</dt><dd class="prose"><bdi>{conference.description}</bdi></dd></>}
          </dl>
        </Panel>
        {open && <Links conference={conference} />}
        {open && may("host") && <Devices conference={conference} />}
        {conference.occurrences.length > 1 && (
          <Panel title={d("detail.occurrences")}>
            <ul class="occurrences num">
              {conference.occurrences.map((one) => <li key={one.starts_at}>{date(one.starts_at)} {time(one.starts_at)} – {time(one.ends_at)}</li>)}
            </ul>
          </Panel>
        )}
      </div>
    </>
  );
}
