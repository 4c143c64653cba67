//! Moments in the database's history, in the database's own terms: which life of it, which transactions.

use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// Which life of which database cluster: transaction ids of two incarnations cannot be compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Incarnation {
    /// Of the cluster, from `pg_control_system()`.
    pub system: u64,
    /// Made anew when crash recovery has emptied `cache_boot`.
    pub boot: Uuid,
}

/// A moment in the database's history: which transactions had committed (`pg_snapshot`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    xmin: u64,
    xmax: u64,
    running: Vec<u64>,
}

impl Snapshot {
    /// Whether the effects of transaction `xid`, which is known to have committed, can be seen.
    pub fn sees(&self, xid: u64) -> bool {
        xid < self.xmin || (xid < self.xmax && !self.running.contains(&xid))
    }

    /// All transactions below this one had ended.
    pub fn xmin(&self) -> u64 {
        self.xmin
    }
}

impl FromStr for Snapshot {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut parts = text.split(':');
        let mut number = || parts.next().and_then(|part| part.parse().ok()).ok_or(Unreadable);
        let (xmin, xmax) = (number()?, number()?);
        let running = parts.next().ok_or(Unreadable)?.split(',').filter(|part| !part.is_empty());
        let running =
            running.map(|part| part.parse().map_err(|_| Unreadable)).collect::<Result<_, _>>()?;
        Ok(Self { xmin, xmax, running })
    }
}

impl fmt::Display for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:", self.xmin, self.xmax)?;
        for (index, xid) in self.running.iter().enumerate() {
            write!(f, "{}{xid}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// A write that whoever holds this must be able to see: the cookie `ryw` and the header `Consistency-Token`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Token {
    /// Where `xid` means something.
    pub incarnation: Incarnation,
    /// The writing transaction.
    pub xid: u64,
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Incarnation { system, boot } = self.incarnation;
        write!(f, "{system:x}.{}.{:x}", boot.simple(), self.xid)
    }
}

impl FromStr for Token {
    type Err = Unreadable;

    fn from_str(text: &str) -> Result<Self, Unreadable> {
        let mut parts = text.split('.');
        let mut part = || parts.next().ok_or(Unreadable);
        let system = u64::from_str_radix(part()?, 16).map_err(|_| Unreadable)?;
        let boot = part()?.parse().map_err(|_| Unreadable)?;
        let xid = u64::from_str_radix(part()?, 16).map_err(|_| Unreadable)?;
        Ok(Self { incarnation: Incarnation { system, boot }, xid })
    }
}

/// Not in the form it should have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable")]
pub struct Unreadable;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_forms_come_back_as_they_were() {
        let token = Token {
            incarnation: Incarnation { system: u64::MAX, boot: Uuid::from_u128(7) },
            xid: 5,
        };
        assert_eq!(token.to_string().parse(), Ok(token));
        assert!("x.y".parse::<Token>().is_err());
        for text in ["3:3:", "3:9:3,5,7"] {
            assert_eq!(text.parse::<Snapshot>().unwrap().to_string(), text);
        }
    }
}
