//! Fewer steps that fail all the same.

use std::path::Path;

use crate::run::{Ended, Plan, run};

/// Leaves steps out, as long as something is wrong without them.
pub(crate) fn shrink(plan: Plan, ended: Ended, targets: &Path) -> (Plan, Ended) {
    // What came after the failure was never done.
    let done = ended.history.len();
    let (mut plan, mut ended) = (Plan { steps: plan.steps[..done].to_vec(), ..plan }, ended);
    let mut size = plan.steps.len() / 2;
    while size > 0 {
        let mut end = plan.steps.len().saturating_sub(1);
        while end > 0 {
            let begin = end.saturating_sub(size);
            let mut steps = plan.steps.clone();
            steps.drain(begin..end);
            println!("edits: without {size} of them: {steps:?}");
            let fewer = Plan { steps, ..plan.clone() };
            let again = run(&fewer, targets, &|_| {});
            if again.wrong.is_some() {
                if let Some(place) = ended.place.take() {
                    drop(std::fs::remove_dir_all(place));
                }
                // It may have failed earlier.
                let done = again.history.len();
                (plan, ended) = (Plan { steps: fewer.steps[..done].to_vec(), ..fewer }, again);
                end = begin.min(plan.steps.len().saturating_sub(1));
            } else {
                end = begin;
            }
        }
        size /= 2;
    }
    (plan, ended)
}
