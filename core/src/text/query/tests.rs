use super::*;
use crate::testing::test;
