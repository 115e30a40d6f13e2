//! How many requests come in a second, and how many at once: one number for each sender, the time at which all it has sent would have
//! been due (the generic cell rate algorithm of ITU-T I.371). Looking takes nothing, so who asks without being let in uses nothing up.

use std::time::Duration;

/// What is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    per_second: u32,
    burst_seconds: u32,
}

/// What was sent so far: when the next request would be due at an even pace, in nanoseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent(u64);

const SECOND: u64 = 1_000_000_000;

impl Rate {
    /// So many a second, and what comes in so many seconds at once; `None` for 0: as many as there are.
    pub fn new(per_second: u32, burst_seconds: u32) -> Option<Rate> {
        (per_second > 0).then_some(Rate { per_second, burst_seconds: burst_seconds.max(1) })
    }

    /// How many a second.
    pub fn per_second(self) -> u32 {
        self.per_second
    }

    /// How many at once.
    pub fn at_once(self) -> u64 {
        u64::from(self.per_second) * u64::from(self.burst_seconds)
    }

    fn interval(self) -> u64 {
        SECOND / u64::from(self.per_second)
    }

    /// How long the next request has to wait, if it has to.
    pub fn wait(self, sent: Sent, now: Duration) -> Option<Duration> {
        let allowed = nanos(now).saturating_add(u64::from(self.burst_seconds) * SECOND);
        let wait = sent.0.saturating_add(self.interval()).checked_sub(allowed)?;
        (wait > 0).then(|| Duration::from_nanos(wait))
    }

    /// So many more were sent.
    pub fn count(self, sent: Sent, requests: u32, now: Duration) -> Sent {
        Sent(sent.0.max(nanos(now)).saturating_add(self.interval().saturating_mul(requests.into())))
    }
}

impl Sent {
    /// Whether it says nothing any more.
    pub fn is_over(self, now: Duration) -> bool {
        self.0 <= nanos(now)
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// How many of those that come each so many milliseconds are let in, in so many seconds.
    fn let_in(rate: Rate, every: u64, seconds: u64) -> u64 {
        let mut sent = Sent::default();
        (0..seconds * 1000 / every)
            .filter(|n| {
                let now = ms(n * every);
                let may = rate.wait(sent, now).is_none();
                if may {
                    sent = rate.count(sent, 1, now);
                }
                may
            })
            .count() as u64
    }

    #[test]
    fn a_rate_lets_a_burst_in_and_then_its_pace() {
        let rate = Rate::new(25, 10).unwrap();
        assert_eq!(rate.at_once(), 250);
        let mut sent = Sent::default();
        for n in 0..250 {
            assert_eq!(rate.wait(sent, ms(0)), None, "{n}");
            sent = rate.count(sent, 1, ms(0));
        }
        assert_eq!(rate.wait(sent, ms(0)), Some(ms(40)), "one more a twenty-fifth of a second later");
        assert_eq!(rate.wait(sent, ms(40)), None);
        assert_eq!(rate.wait(rate.count(sent, 1000, ms(0)), ms(0)), Some(ms(40_040)), "what was done is counted");
        assert!(!sent.is_over(ms(9_999)) && sent.is_over(ms(10_000)), "a pause brings the burst back");
    }

    #[test]
    fn a_sender_at_the_pace_never_waits_and_a_faster_one_gets_the_pace() {
        let rate = Rate::new(25, 10).unwrap();
        assert_eq!(let_in(rate, 40, 600), 15_000, "all of them");
        assert_eq!(let_in(rate, 1, 600), 15_000 + 249);
        assert_eq!(let_in(Rate::new(1, 1).unwrap(), 10, 60), 60);
        assert_eq!(Rate::new(0, 10), None);
    }
}
