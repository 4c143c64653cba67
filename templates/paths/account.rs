//! How people come in, and what is theirs.

use super::{encode, query};
use uuid::Uuid;

/// What a member has ordered.
pub fn account_orders() -> String {
    "/account/orders".into()
}

/// The same, older than this one.
pub fn account_orders_before(id: Uuid) -> String {
    format!("/account/orders?before={id}")
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
