//! What can be told of. A new type is a line in [`TYPES`], in the same step as the trigger that writes it (`migrations/`): a test
//! holds the one against the other, so nothing is offered that no fact brings about.

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Somebody who wrote to us.
    Lead,
    /// A post.
    Post,
    /// Somebody who gets the newsletter.
    Subscriber,
    /// Something that was ordered.
    Order,
}

impl Subject {
    /// As programs read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lead => "lead",
            Self::Post => "post",
            Self::Subscriber => "subscriber",
            Self::Order => "order",
        }
    }

    /// What a key has to be good for, so that it learns of these by an event: what it could not read otherwise, it does not.
    pub fn scope(self) -> &'static str {
        match self {
            Self::Lead => "leads:write",
            Self::Post => "posts:read",
            Self::Subscriber => "subscribers:read",
            Self::Order => "orders:read",
        }
    }
}

/// A type of events.
#[derive(Debug, Clone, Copy)]
pub struct Type {
    /// As it is written.
    pub name: &'static str,
    /// When it is told, in a sentence.
    pub words: &'static str,
    /// What it is about.
    pub of: Subject,
}

const fn told(name: &'static str, of: Subject, words: &'static str) -> Type {
    Type { name, words, of }
}

/// Every type there is.
pub const TYPES: [Type; 9] = [
    told("lead.created", Subject::Lead, "Somebody has written to us."),
    told("lead.updated", Subject::Lead, "A lead has changed: its status, mostly."),
    told("post.published", Subject::Post, "A post is there for everyone."),
    told("post.updated", Subject::Post, "A published post has changed."),
    told("post.unpublished", Subject::Post, "A post is not there any more."),
    told("subscriber.confirmed", Subject::Subscriber, "Somebody gets the newsletter."),
    told("subscriber.unsubscribed", Subject::Subscriber, "Somebody does no more."),
    told("order.paid", Subject::Order, "An order is paid for, and what was ordered is there."),
    told("order.refunded", Subject::Order, "Money of an order goes back: all of it, or a part."),
];

/// The type of this name.
pub fn called(name: &str) -> Option<&'static Type> {
    TYPES.iter().find(|known| known.name == name)
}

/// Those that a key with these scopes may learn of.
pub fn readable(scopes: &[String]) -> Vec<&'static str> {
    let may = |known: &&Type| scopes.iter().any(|scope| scope == known.of.scope());
    TYPES.iter().filter(may).map(|known| known.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_offered_is_what_triggers_write() {
        let mut written = BTreeSet::new();
        for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations")).unwrap() {
            let sql = std::fs::read_to_string(file.unwrap().path()).unwrap();
            for inserted in sql.split("insert into events ").skip(1) {
                let statement = inserted.split(';').next().unwrap();
                let literals = statement.split('\'').skip(1).step_by(2);
                written.extend(literals.filter(|text| text.contains('.')).map(str::to_owned));
            }
        }
        let offered: BTreeSet<String> = TYPES.iter().map(|known| known.name.to_owned()).collect();
        assert_eq!(written, offered);
        for known in TYPES {
            assert!(known.name.starts_with(&format!("{}.", known.of.as_str())), "{}", known.name);
        }
    }

    #[test]
    fn a_key_learns_of_what_it_could_read_anyway() {
        let with = |scopes: &[&str]| {
            readable(&scopes.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(with(&["events:read", "posts:write"]), [""; 0]);
        assert_eq!(with(&["leads:write"]), ["lead.created", "lead.updated"]);
        assert_eq!(with(&["leads:write", "posts:read"]).len(), 5);
    }
}
