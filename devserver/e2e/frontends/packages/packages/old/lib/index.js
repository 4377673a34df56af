'use strict'
if (process.env.NODE_ENV === 'production') module.exports = require('./production')
else module.exports = require('./development')
var fs = require('fs')
module.exports.hasFiles = typeof fs.readFileSync === 'function'
