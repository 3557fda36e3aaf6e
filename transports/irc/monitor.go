package irc

// watchLimit is how many people one link watches.
const watchLimit = 100
