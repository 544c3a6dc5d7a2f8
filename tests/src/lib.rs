//! Tests of the whole house: every module is a room, and `run` is how they use the program.
#![cfg(test)]

mod broken;
mod calls;
mod cli;
mod crash;
mod durability;
mod fuzz;
mod house;
mod learning;
mod memory;
mod mic;
mod privacy;
mod run;
mod scripts;
mod serve;
mod understanding;
