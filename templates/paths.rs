//! Every URL the application links to, spelled once.
//!
//! A path that is renamed here is renamed on every page. Whatever comes from data is
//! percent-encoded, so a strange slug can break neither the path nor the attribute it stands in.

mod account;
mod admin;

pub use account::*;
pub use admin::*;

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

/// What members can be, and where whoever wants to be one posts to.
pub fn membership() -> String {
    "/membership".into()
}

/// Where whoever has paid comes back to. The session's id stands as it is: Stripe puts it into its place.
pub fn membership_thanks(session: &str) -> String {
    format!("/membership/thanks?session_id={session}")
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

/// A webhook, for programs.
pub fn api_webhook(id: Uuid) -> String {
    format!("/api/v1/webhooks/{id}")
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
