//! Every URL the application links to, spelled once.
//!
//! A path that is renamed here is renamed on every page. Whatever comes from data is
//! percent-encoded, so a strange slug can break neither the path nor the attribute it stands in.

use uuid::Uuid;

/// The start page.
pub fn home() -> String {
    "/".into()
}

/// The contact form, and where it posts to.
pub fn contact() -> String {
    "/contact".into()
}

/// Where the sender of a contact form is sent.
pub fn thanks() -> String {
    "/contact/thanks".into()
}

/// The newest posts.
pub fn posts() -> String {
    "/posts".into()
}

/// Page `number` of the posts. The first is [`posts`] itself: one page, one URL.
pub fn posts_page(number: u32) -> String {
    page(posts(), number)
}

/// One post.
pub fn post(slug: &str) -> String {
    format!("/posts/{}", encode(slug))
}

/// Where whoever may open some posts that are for those who pay opens this one.
pub fn open_post(slug: &str) -> String {
    format!("{}/open", post(slug))
}

/// The posts on one topic.
pub fn topic(slug: &str) -> String {
    format!("/topics/{}", encode(slug))
}

/// Page `number` of the posts on a topic.
pub fn topic_page(slug: &str, number: u32) -> String {
    page(topic(slug), number)
}

/// What there is to buy.
pub fn shop() -> String {
    "/shop".into()
}

/// Something of it.
pub fn product(slug: &str) -> String {
    format!("/shop/{}", encode(slug))
}

/// Where it is posted to that it is wanted.
pub fn product_add(slug: &str) -> String {
    format!("/shop/{}/add", encode(slug))
}

/// What somebody wants, and where it is posted to that they want it otherwise.
pub fn cart() -> String {
    "/cart".into()
}

/// Where it is posted to that it is ordered.
pub fn cart_checkout() -> String {
    "/cart/checkout".into()
}

/// An order, for whoever has the link to it.
pub fn order(token: &str) -> String {
    format!("/orders/{}", encode(token))
}

/// Where it is posted to that it is wanted no more.
pub fn order_cancel(token: &str) -> String {
    format!("/orders/{}/cancel", encode(token))
}

/// The orders, the last placed first.
pub fn admin_orders() -> String {
    "/admin/orders".into()
}

/// The orders that match `filter`: pairs of `status`, `q` and the cursor `before`.
pub fn admin_orders_where(filter: &[(&str, &str)]) -> String {
    query(admin_orders(), filter)
}

/// One of them.
pub fn admin_order(id: Uuid) -> String {
    format!("/admin/orders/{id}")
}

/// Where it is posted to that money goes back.
pub fn admin_order_refund(id: Uuid) -> String {
    format!("/admin/orders/{id}/refund")
}

/// Where it is posted to that the receipt is mailed once more.
pub fn admin_order_receipt(id: Uuid) -> String {
    format!("/admin/orders/{id}/receipt")
}

/// Money, as it was entered.
pub fn admin_ledger() -> String {
    "/admin/ledger".into()
}

/// What was entered before this booking.
pub fn admin_ledger_before(id: Uuid) -> String {
    query(admin_ledger(), &[("before", &id.to_string())])
}

/// All of it as a file.
pub fn admin_ledger_export() -> String {
    "/admin/ledger.csv".into()
}

/// The products.
pub fn admin_products() -> String {
    "/admin/products".into()
}

/// The form for a new one.
pub fn admin_new_product() -> String {
    "/admin/products/new".into()
}

/// One of them.
pub fn admin_product(id: Uuid) -> String {
    format!("/admin/products/{id}")
}

/// What members can be, and where whoever wants to be one posts to.
pub fn membership() -> String {
    "/membership".into()
}

/// Where whoever has paid comes back to. The session's id stands as it is: Stripe puts it into its place.
pub fn membership_thanks(session: &str) -> String {
    format!("/membership/thanks?session_id={session}")
}

/// Their membership.
pub fn account_membership() -> String {
    "/account/membership".into()
}

/// Where whoever wants to look after their payments posts to.
pub fn account_membership_portal() -> String {
    "/account/membership/portal".into()
}

/// Where a membership is ended.
pub fn account_membership_cancel() -> String {
    "/account/membership/cancel".into()
}

/// Where it is taken up again.
pub fn account_membership_resume() -> String {
    "/account/membership/resume".into()
}

/// The newsletter: how to get it, and where its form posts to.
pub fn newsletter() -> String {
    "/newsletter".into()
}

/// Where somebody who has asked for it is sent.
pub fn newsletter_thanks() -> String {
    "/newsletter/thanks".into()
}

/// All issues, the last one first.
pub fn newsletter_issues() -> String {
    "/newsletter/issues".into()
}

/// Page `number` of the issues.
pub fn newsletter_issues_page(number: u32) -> String {
    page(newsletter_issues(), number)
}

/// One issue.
pub fn newsletter_issue(slug: &str) -> String {
    format!("/newsletter/{}", encode(slug))
}

/// Where somebody says that it was they who asked.
pub fn newsletter_confirm(token: &str) -> String {
    format!("/newsletter/confirm/{}", encode(token))
}

/// Where a subscriber chooses what they get.
pub fn newsletter_preferences(token: &str) -> String {
    format!("/newsletter/preferences/{}", encode(token))
}

/// Where a subscriber leaves.
pub fn newsletter_unsubscribe(token: &str) -> String {
    format!("/newsletter/unsubscribe/{}", encode(token))
}

/// Who may call, by which door.
pub fn callers() -> String {
    "/callers".into()
}

/// The API, for people.
pub fn api_docs() -> String {
    "/api/docs".into()
}

/// The API, for programs.
pub fn openapi() -> String {
    "/api/v1/openapi.json".into()
}

/// Where search engines find the key of whoever tells them of pages.
pub fn indexnow_key(key: &str) -> String {
    format!("/{}.txt", encode(key))
}

/// The sign-in form.
pub fn sign_in() -> String {
    "/sign-in".into()
}

/// The sign-in form that leads on to `next`, one of our own paths.
pub fn sign_in_then(next: &str) -> String {
    query(sign_in(), &[("next", next)])
}

/// Where the sign-out button posts to.
pub fn sign_out() -> String {
    "/sign-out".into()
}

/// Where a link to sign in is asked for.
pub fn sign_in_link() -> String {
    "/sign-in/link".into()
}

/// The same, to lead on to `next`, one of our own paths.
pub fn sign_in_link_then(next: &str) -> String {
    query(sign_in_link(), &[("next", next)])
}

/// Where that link leads.
pub fn sign_in_with(token: &str) -> String {
    format!("/sign-in/link/{}", encode(token))
}

/// Where whoever has a second factor is asked for a code.
pub fn sign_in_code() -> String {
    "/sign-in/code".into()
}

/// Where it is posted to that somebody wants to sign in with a passkey.
pub fn sign_in_passkey() -> String {
    "/sign-in/passkey".into()
}

/// Where a device is asked for it.
pub fn sign_in_passkey_answer(challenge: Uuid) -> String {
    format!("/sign-in/passkey/{challenge}")
}

/// The form for a new account.
pub fn sign_up() -> String {
    "/sign-up".into()
}

/// The same, to lead on to `next`, one of our own paths.
pub fn sign_up_then(next: &str) -> String {
    query(sign_up(), &[("next", next)])
}

/// Where somebody says that the address is theirs.
pub fn sign_up_with(token: &str) -> String {
    format!("/sign-up/{}", encode(token))
}

/// Where a link to choose another password is asked for.
pub fn forgot_password() -> String {
    "/forgot-password".into()
}

/// Where that link leads.
pub fn reset_password(token: &str) -> String {
    format!("/forgot-password/{}", encode(token))
}

/// Where somebody is sent who is to follow a link in a mail.
pub fn check_your_mail() -> String {
    "/check-your-mail".into()
}

/// Where somebody proves once more who they are.
pub fn confirm_identity() -> String {
    "/confirm-identity".into()
}

/// The same, which leads on to `next`, one of our own paths.
pub fn confirm_identity_then(next: &str) -> String {
    query(confirm_identity(), &[("next", next)])
}

/// Where they ask for a mail that proves it.
pub fn confirm_identity_by_mail() -> String {
    "/confirm-identity/link".into()
}

/// Where somebody who is invited to run the site says yes.
pub fn invited(token: &str) -> String {
    format!("/invited/{}", encode(token))
}

/// What a member sees of their own.
pub fn account() -> String {
    "/account".into()
}

/// The form that changes their name.
pub fn account_profile() -> String {
    "/account/profile".into()
}

/// The form that changes their password.
pub fn account_password() -> String {
    "/account/password".into()
}

/// The form that has it given another address.
pub fn account_email() -> String {
    "/account/email".into()
}

/// Where the links in both mails about that lead.
pub fn change_email_with(token: &str) -> String {
    format!("/change-email/{}", encode(token))
}

/// Where somebody says that what was done to their account was not they.
pub fn not_me(token: &str) -> String {
    format!("/not-me/{}", encode(token))
}

/// The way to what is kept about them.
pub fn account_export() -> String {
    "/account/export".into()
}

/// The same as a document.
pub fn account_export_json() -> String {
    "/account/export.json".into()
}

/// The same as a table.
pub fn account_export_csv() -> String {
    "/account/export.csv".into()
}

/// The form that deletes it.
pub fn account_delete() -> String {
    "/account/delete".into()
}

/// Where apps send their members, to be asked whether they may act for them.
pub fn authorize() -> String {
    "/oauth/authorize".into()
}

/// Their second factor: whether it is on, and what can be done about it.
pub fn two_factor() -> String {
    "/account/two-factor".into()
}

/// Where it is posted to that one is to be set up.
pub fn two_factor_begin() -> String {
    "/account/two-factor/begin".into()
}

/// Where an app is told what to make codes from.
pub fn two_factor_set_up() -> String {
    "/account/two-factor/set-up".into()
}

/// The form that turns it off.
pub fn two_factor_off() -> String {
    "/account/two-factor/off".into()
}

/// The recovery codes, while they are shown.
pub fn recovery_codes() -> String {
    "/account/two-factor/codes".into()
}

/// The same, to take along.
pub fn recovery_codes_file() -> String {
    "/account/two-factor/codes.txt".into()
}

/// The form that makes new ones.
pub fn recovery_codes_new() -> String {
    "/account/two-factor/codes/new".into()
}

/// Their passkeys, and where it is posted to that there is to be another one.
pub fn passkeys() -> String {
    "/account/passkeys".into()
}

/// Where a device is asked to make one.
pub fn passkey_answer(challenge: Uuid) -> String {
    format!("/account/passkeys/new/{challenge}")
}

/// The form that calls one something else.
pub fn passkey(id: Uuid) -> String {
    format!("/account/passkeys/{id}")
}

/// Where it is posted to that one is to be removed.
pub fn passkey_remove(id: Uuid) -> String {
    format!("/account/passkeys/{id}/remove")
}

/// Where it is posted to that one of their sessions is to end.
pub fn account_end_session(id: Uuid) -> String {
    format!("/account/sessions/{id}/end")
}

/// Where it is posted to that all but this one are to end.
pub fn account_end_sessions() -> String {
    "/account/sessions/end".into()
}

/// Their ways to sign in.
pub fn account_identities() -> String {
    "/account/identities".into()
}

/// Where it is posted to that one of them is to go.
pub fn account_remove_identity() -> String {
    "/account/identities/remove".into()
}

/// Where somebody whom an identity provider knows says where they get mail.
pub fn sign_in_address() -> String {
    "/sign-in/address".into()
}

/// Where it is posted to that somebody wants to go to an identity provider.
pub fn oauth_start(provider: &str) -> String {
    format!("/api/oauth/{}/start", encode(provider))
}

/// Where they come back to.
pub fn oauth_callback(provider: &str) -> String {
    format!("/api/oauth/{}/callback", encode(provider))
}

/// The first page staff see.
pub fn admin() -> String {
    "/admin".into()
}

/// All leads, newest first.
pub fn admin_leads() -> String {
    "/admin/leads".into()
}

/// The leads that match `filter`: pairs of `status`, `source`, `q` and the cursor `before`. Empty
/// values are left out, so that one selection has one URL.
pub fn admin_leads_where(filter: &[(&str, &str)]) -> String {
    query(admin_leads(), filter)
}

/// One lead.
pub fn admin_lead(id: Uuid) -> String {
    format!("/admin/leads/{id}")
}

/// What other programs have told us, the last first.
pub fn admin_inbox() -> String {
    "/admin/inbox".into()
}

/// The events that match `filter`: pairs of `state`, `source` and the cursor `before`.
pub fn admin_inbox_where(filter: &[(&str, &str)]) -> String {
    query(admin_inbox(), filter)
}

/// One event.
pub fn admin_inbox_event(id: Uuid) -> String {
    format!("/admin/inbox/{id}")
}

/// Where it is posted to that an event is to be acted upon once more.
pub fn admin_inbox_replay(id: Uuid) -> String {
    format!("/admin/inbox/{id}/replay")
}

/// Where it is posted to that all dead events are.
pub fn admin_inbox_replay_dead() -> String {
    "/admin/inbox/replay".into()
}

/// Where a lead's new status is posted to.
pub fn admin_lead_status(id: Uuid) -> String {
    format!("/admin/leads/{id}/status")
}

/// Where a note on a lead is posted to.
pub fn admin_lead_notes(id: Uuid) -> String {
    format!("/admin/leads/{id}/notes")
}

/// All posts, drafts included.
pub fn admin_posts() -> String {
    "/admin/posts".into()
}

/// The posts older than the one with the id `before`.
pub fn admin_posts_before(before: Uuid) -> String {
    query(admin_posts(), &[("before", &before.to_string())])
}

/// The form for a new post.
pub fn admin_new_post() -> String {
    "/admin/posts/new".into()
}

/// The form that edits a post.
pub fn admin_edit_post(id: Uuid) -> String {
    format!("/admin/posts/{id}/edit")
}

/// All subscribers, the last to come first.
pub fn admin_subscribers() -> String {
    "/admin/subscribers".into()
}

/// The subscribers that match `filter`: pairs of `status`, `q` and the cursor `before`.
pub fn admin_subscribers_where(filter: &[(&str, &str)]) -> String {
    query(admin_subscribers(), filter)
}

/// The form that adds one.
pub fn admin_new_subscriber() -> String {
    "/admin/subscribers/new".into()
}

/// The form that brings many over.
pub fn admin_import_subscribers() -> String {
    "/admin/subscribers/import".into()
}

/// What became of a list that was brought over.
pub fn admin_import(id: Uuid) -> String {
    format!("/admin/subscribers/imports/{id}")
}

/// All of them, as a table to take along.
pub fn admin_export_subscribers() -> String {
    "/admin/subscribers.csv".into()
}

/// One subscriber.
pub fn admin_subscriber(id: Uuid) -> String {
    format!("/admin/subscribers/{id}")
}

/// Where it is posted to that somebody gets no more mail.
pub fn admin_subscriber_end(id: Uuid) -> String {
    format!("/admin/subscribers/{id}/end")
}

/// All issues of the newsletter, drafts included.
pub fn admin_issues() -> String {
    "/admin/issues".into()
}

/// The issues older than the one with the id `before`.
pub fn admin_issues_before(before: Uuid) -> String {
    query(admin_issues(), &[("before", &before.to_string())])
}

/// The form for a new issue.
pub fn admin_new_issue() -> String {
    "/admin/issues/new".into()
}

/// The same, with what a post says.
pub fn admin_issue_from_post(post: Uuid) -> String {
    query(admin_new_issue(), &[("post", &post.to_string())])
}

/// One issue: its text, and how far it has come.
pub fn admin_issue(id: Uuid) -> String {
    format!("/admin/issues/{id}")
}

/// Where a test of an issue is asked for.
pub fn admin_issue_test(id: Uuid) -> String {
    format!("/admin/issues/{id}/test")
}

/// An issue as its readers get it by mail.
pub fn admin_issue_preview(id: Uuid) -> String {
    format!("/admin/issues/{id}/preview")
}

/// What stands in a frame there: the mail itself.
pub fn admin_issue_mail(id: Uuid) -> String {
    format!("/admin/issues/{id}/mail")
}

/// Where it is posted to that an issue is to be sent.
pub fn admin_issue_send(id: Uuid) -> String {
    format!("/admin/issues/{id}/send")
}

/// Where a scheduled issue is made a draft again.
pub fn admin_issue_recall(id: Uuid) -> String {
    format!("/admin/issues/{id}/recall")
}

/// Where the mails that are left are held.
pub fn admin_issue_pause(id: Uuid) -> String {
    format!("/admin/issues/{id}/pause")
}

/// Where they are let go.
pub fn admin_issue_resume(id: Uuid) -> String {
    format!("/admin/issues/{id}/resume")
}

/// What is to be done, and what was.
pub fn admin_outbox() -> String {
    "/admin/outbox".into()
}

/// The rows that match `filter`: pairs of `state`, `kind`, `to` and the cursor `before`.
pub fn admin_outbox_where(filter: &[(&str, &str)]) -> String {
    query(admin_outbox(), filter)
}

/// One row, and the mail it is about.
pub fn admin_outbox_entry(id: Uuid) -> String {
    format!("/admin/outbox/{id}")
}

/// Where it is posted to that a job is to be tried again.
pub fn admin_outbox_retry(id: Uuid) -> String {
    format!("/admin/outbox/{id}/retry")
}

/// Where it is posted to that dead jobs are to be tried again.
pub fn admin_outbox_retry_dead() -> String {
    "/admin/outbox/retry".into()
}

/// Where a test mail is asked for.
pub fn admin_test_mail() -> String {
    "/admin/test-mail".into()
}

/// When a member of staff is told of what.
pub fn admin_notices() -> String {
    "/admin/notices".into()
}

/// What the owner has decided.
pub fn admin_settings() -> String {
    "/admin/settings".into()
}

/// Where it is posted to how many posts may be read for free.
pub fn admin_free_posts() -> String {
    "/admin/settings/free-posts".into()
}

/// What the page cache keeps.
pub fn admin_cache() -> String {
    "/admin/cache".into()
}

/// The kept pages that match `filter`: pairs of `q` and `tags`, tags separated by spaces.
pub fn admin_cache_where(filter: &[(&str, &str)]) -> String {
    query(admin_cache(), filter)
}

/// What is kept for `address`, and why it is not fresh.
pub fn admin_cache_page(address: &str) -> String {
    query("/admin/cache/page".into(), &[("address", address)])
}

/// Where it is posted to what is to be rendered again.
pub fn admin_cache_drop() -> String {
    "/admin/cache/drop".into()
}

/// Every door there is.
pub fn admin_routes() -> String {
    "/admin/routes".into()
}

/// Tasks that come round again, and their runs.
pub fn admin_runs() -> String {
    "/admin/runs".into()
}

/// The runs older than the one with the id `before`.
pub fn admin_runs_before(before: Uuid) -> String {
    query(admin_runs(), &[("before", &before.to_string())])
}

/// Where it is posted to that a task is to be run out of turn.
pub fn admin_run_now(task: &str) -> String {
    format!("/admin/runs/{}/now", encode(task))
}

/// What is kept about one person.
pub fn admin_people() -> String {
    "/admin/people".into()
}

/// What is kept about whoever has this address.
pub fn admin_person(email: &str) -> String {
    query(admin_people(), &[("email", email)])
}

/// The same as a file.
pub fn admin_person_export(email: &str) -> String {
    format!("/admin/people/{}/export", encode(email))
}

/// Where it is posted to that someone is to be erased.
pub fn admin_person_erase() -> String {
    "/admin/people/erase".into()
}

/// Who runs the site.
pub fn admin_staff() -> String {
    "/admin/staff".into()
}

/// Those who came before the one with the id `before`.
pub fn admin_staff_before(before: Uuid) -> String {
    query(admin_staff(), &[("before", &before.to_string())])
}

/// One of them.
pub fn admin_staff_one(id: Uuid) -> String {
    format!("/admin/staff/{id}")
}

/// Where their new role is posted to.
pub fn admin_staff_role(id: Uuid) -> String {
    format!("/admin/staff/{id}/role")
}

/// Where it is posted to that their account is closed.
pub fn admin_staff_deactivate(id: Uuid) -> String {
    format!("/admin/staff/{id}/deactivate")
}

/// Where it is posted to that it is open again.
pub fn admin_staff_activate(id: Uuid) -> String {
    format!("/admin/staff/{id}/activate")
}

/// The API keys.
pub fn admin_keys() -> String {
    "/admin/keys".into()
}

/// Those that are older than the one with the id `before`.
pub fn admin_keys_before(before: Uuid) -> String {
    query(admin_keys(), &[("before", &before.to_string())])
}

/// The form that makes one.
pub fn admin_new_key() -> String {
    "/admin/keys/new".into()
}

/// One of them.
pub fn admin_key(id: Uuid) -> String {
    format!("/admin/keys/{id}")
}

/// Where it is posted to that it gets another secret.
pub fn admin_key_rotate(id: Uuid) -> String {
    format!("/admin/keys/{id}/rotate")
}

/// Where it is posted to that it is good no more.
pub fn admin_key_revoke(id: Uuid) -> String {
    format!("/admin/keys/{id}/revoke")
}

/// Who is told of what happens.
pub fn admin_webhooks() -> String {
    "/admin/webhooks".into()
}

/// Those that are older than the one with the id `before`.
pub fn admin_webhooks_before(before: Uuid) -> String {
    query(admin_webhooks(), &[("before", &before.to_string())])
}

/// The form that makes another.
pub fn admin_new_webhook() -> String {
    "/admin/webhooks/new".into()
}

/// One of them.
pub fn admin_webhook(id: Uuid) -> String {
    format!("/admin/webhooks/{id}")
}

/// What was sent there that matches `filter`: pairs of `state` and the cursor `after`.
pub fn admin_webhook_where(id: Uuid, filter: &[(&str, &str)]) -> String {
    query(admin_webhook(id), filter)
}

/// The form that changes it.
pub fn admin_webhook_edit(id: Uuid) -> String {
    format!("/admin/webhooks/{id}/edit")
}

/// Where it is posted to what is to be done with it: `ping`, `pause`, `enable`, `rotate`, `replay` or `remove`.
pub fn admin_webhook_deed(id: Uuid, deed: &str) -> String {
    format!("/admin/webhooks/{id}/{deed}")
}

/// Something that was sent there.
pub fn admin_delivery(id: Uuid) -> String {
    format!("/admin/webhooks/deliveries/{id}")
}

/// A webhook, for programs.
pub fn api_webhook(id: Uuid) -> String {
    format!("/api/v1/webhooks/{id}")
}

/// Where it is posted to who is invited to run the site.
pub fn admin_invites() -> String {
    "/admin/invites".into()
}

/// Where it is posted to that an invitation is mailed again.
pub fn admin_invite_again(id: Uuid) -> String {
    format!("/admin/invites/{id}/again")
}

/// Where it is posted to that it is taken back.
pub fn admin_invite_end(id: Uuid) -> String {
    format!("/admin/invites/{id}/end")
}

/// What was done, by whom, the last first.
pub fn admin_audit() -> String {
    "/admin/audit".into()
}

/// The lines that match `filter`: pairs of `who`, `act`, `object`, `from`, `until`, `q` and the cursor `before`.
pub fn admin_audit_where(filter: &[(&str, &str)]) -> String {
    query(admin_audit(), filter)
}

/// The same as a table to take along.
pub fn admin_audit_export(filter: &[(&str, &str)]) -> String {
    query("/admin/audit.csv".into(), filter)
}

/// A lead, for programs.
pub fn api_lead(id: Uuid) -> String {
    format!("/api/v1/leads/{id}")
}

/// Where a program finds a post that it has written, published or not.
pub fn api_post_source(slug: &str) -> String {
    format!("/api/v1/posts/{slug}/source")
}

/// Where programs find what people find at `path`.
pub fn api(path: &str) -> String {
    format!("/api/v1{path}")
}

fn page(path: String, number: u32) -> String {
    if number <= 1 { path } else { format!("{path}?page={number}") }
}

fn query(path: String, pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<_> = pairs
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect();
    if pairs.is_empty() { path } else { format!("{path}?{}", pairs.join("&")) }
}

/// Everything but RFC 3986's unreserved characters becomes `%XX`: right in a path and in a query.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_slug_holds_it_stays_one_segment() {
        assert_eq!(post("quiet-tools"), "/posts/quiet-tools");
        assert_eq!(post("a/b?c#d\"é"), "/posts/a%2Fb%3Fc%23d%22%C3%A9");
    }

    #[test]
    fn the_page_to_go_on_to_is_one_value_of_the_query() {
        assert_eq!(
            sign_in_then("/admin/leads?status=new&q=a b"),
            "/sign-in?next=%2Fadmin%2Fleads%3Fstatus%3Dnew%26q%3Da%20b"
        );
    }

    #[test]
    fn the_first_page_and_an_empty_filter_have_no_query() {
        assert_eq!(posts_page(1), "/posts");
        assert_eq!(topic_page("craft", 2), "/topics/craft?page=2");
        assert_eq!(admin_leads_where(&[("status", ""), ("q", "")]), "/admin/leads");
        assert_eq!(admin_leads_where(&[("status", "new"), ("q", "")]), "/admin/leads?status=new");
    }
}
